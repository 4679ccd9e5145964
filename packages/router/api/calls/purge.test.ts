import { expect, test } from "bun:test";
import { JOB_ID, openTestApi } from "../testing.ts";

const SITE = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };

test("a purge is accepted with a place to look for it, and shown with what Terminals answered", async () => {
  await using api = await openTestApi();
  await api.call("POST", "/sites", { body: SITE });
  const begun = await api.call("POST", "/sites/films/purges", { body: { url: "https://Films.test/a/../b?x=1" } });
  expect([begun.status, begun.headers.get("location")]).toEqual([202, `/api/v1/sites/films/purges/${JOB_ID}`]);
  expect(begun.json).toMatchObject({ by: "url", value: "/a/../b?x=1", mode: "hard", state: "done" });
  expect(begun.json.terminals).toEqual({ told: 4, acknowledged: 2, silent: 1, absent: 1 });
  expect(begun.json.entries).toEqual({ found: 7, removed: 6 });
});

test("purges are refused that name nothing, too much, or another site's URLs", async () => {
  await using api = await openTestApi();
  await api.call("POST", "/sites", { body: SITE });
  const refused = async (body: unknown, site = "films") => {
    const { status, json } = await api.call("POST", `/sites/${site}/purges`, { body });
    return [status, json.code];
  };
  expect(await refused({})).toEqual([400, "bad-target"]);
  expect(await refused({ url: "/a", all: true })).toEqual([400, "bad-target"]);
  expect(await refused({ url: "https://other.test/a" })).toEqual([400, "bad-target"]);
  expect(await refused({ tag: "a b" })).toEqual([400, "bad-target"]);
  expect(await refused({ all: false })).toEqual([400, "bad-input"]);
  expect(await refused({ url: "/a" }, "none")).toEqual([404, "no-such-site"]);
  const missing = await api.call("GET", `/sites/films/purges/${JOB_ID.replace("1", "2")}`);
  expect([missing.status, missing.json.code]).toEqual([404, "no-such-purge"]);
});

test("a key needs the scope, and sees its own sites' purges alone", async () => {
  await using api = await openTestApi();
  await api.call("POST", "/sites", { body: SITE });
  const key = await api.keyWith(["purge"], { sites: ["films"] });
  const reader = await api.keyWith(["sites:read"]);
  expect((await api.call("POST", "/sites/films/purges", { key, body: { all: true } })).status).toBe(202);
  expect((await api.call("POST", "/sites/other/purges", { key, body: { all: true } })).status).toBe(403);
  expect((await api.call("GET", "/sites/films/purges", { key: reader })).status).toBe(403);
  expect((await api.call("POST", "/sites/films/prefetches", { key, body: { urls: ["/a"] } })).status).toBe(403);
});

test("lists of jobs go on where the page before ended, and refuse a cursor of another kind", async () => {
  await using api = await openTestApi();
  const first = await api.call("GET", "/sites/films/purges?limit=3");
  expect(first.json.purges.length).toBe(3);
  const second = await api.call("GET", `/sites/films/purges?limit=3&cursor=${first.json.nextCursor}`);
  const times = [...first.json.purges, ...second.json.purges].map(({ acceptedAt }) => new Date(acceptedAt).getTime());
  expect(times).toEqual([999, 998, 997, 996, 995, 994]);
  const strange = Buffer.from("films").toString("base64url");
  expect((await api.call("GET", `/sites/films/purges?cursor=${strange}`)).status).toBe(400);
});

test("a prefetch takes each URL once, and refuses those of other sites by their place in the list", async () => {
  await using api = await openTestApi();
  await api.call("POST", "/sites", { body: SITE });
  const begun = await api.call("POST", "/sites/films/prefetches", { body: { urls: ["/a", "http://films.test/a"] } });
  expect([begun.status, begun.headers.get("location")]).toEqual([202, `/api/v1/sites/films/prefetches/${JOB_ID}`]);
  const shown = await api.call("GET", begun.headers.get("location")?.replace("/api/v1", "") ?? "");
  expect(shown.json).toMatchObject({ state: "running", targets: { notStorable: 4 }, troubles: [{ target: "/a" }] });
  const refused = await api.call("POST", "/sites/films/prefetches", { body: { urls: ["/a", "https://other.test/"] } });
  expect([refused.json.code, refused.json.detail]).toEqual(["bad-target", expect.stringContaining("urls.1")]);
});
