import { expect, test } from "bun:test";
import { openTestApi } from "../testing.ts";

const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };

test("the trail says who changed what, with digests of before and after, newest first", async () => {
  await using api = await openTestApi();
  const key = await api.keyWith(["sites:write"]);
  await api.call("POST", "/sites", { key, body: FILMS, address: "192.0.2.7" });
  await api.clock.advance(1000);
  await api.call("PATCH", "/sites/films", { key, body: { origin: "https://new.test", cache: { compression: false } } });
  await api.clock.advance(1000);
  await api.call("PATCH", "/sites/films", {
    key,
    body: { origin: "https://newer.test" },
    headers: { "If-Match": '"x"' },
  });
  const { records } = (await api.call("GET", "/audit")).json;
  const told = records.map(({ call, status, code, summary }: Record<string, unknown>) => ({
    call,
    status,
    code,
    summary,
  }));
  const digest = "[0-9a-f]{16}";
  expect(told).toEqual([
    { call: "patchSite", status: 412, code: "version-mismatch", summary: "" },
    {
      call: "patchSite",
      status: 200,
      summary: expect.stringMatching(new RegExp(`^origin, cache \\(${digest} → ${digest}\\)$`)),
    },
    {
      call: "addSite",
      status: 201,
      summary: expect.stringMatching(new RegExp(`^hosts, origin \\(new → ${digest}\\)$`)),
    },
    { call: "createKey", status: 201, summary: expect.stringMatching(/^key [0-9a-f]{12} "test": sites:write$/) },
  ]);
  expect(records[2]).toMatchObject({
    site: "films",
    address: "192.0.2.7",
    callerName: "test",
    at: "2027-01-15T08:00:00.000Z",
  });
  expect(records[3].caller).toBe("operator");
  expect(records[1].summary.split(" ")[2].slice(1)).toBe(records[2].summary.split(" ")[4].slice(0, -1));
});

test("pages of the trail are complete while it grows, and it can be narrowed to a site or a caller", async () => {
  await using api = await openTestApi();
  for (let index = 0; index < 5; index += 1) {
    await api.call("PUT", `/sites/s${index}`, { body: { ...FILMS, name: `s${index}`, hosts: [`s${index}.test`] } });
    await api.clock.advance(1);
  }
  const sites: string[] = [];
  for (let path: string | undefined = "/audit?limit=2"; path !== undefined; ) {
    const { json } = await api.call("GET", path);
    sites.push(...json.records.map(({ site }: { site: string }) => site));
    await api.call("DELETE", "/sites/none");
    await api.clock.advance(1);
    path = json.nextCursor === undefined ? undefined : `/audit?limit=2&cursor=${json.nextCursor}`;
  }
  expect(sites).toEqual(["s4", "s3", "s2", "s1", "s0"]);
  expect((await api.call("GET", "/audit?site=s2")).json.records.length).toBe(1);
  expect((await api.call("GET", "/audit?caller=nobody")).json.records).toEqual([]);
});

test("records are kept for 400 days", async () => {
  await using api = await openTestApi();
  await api.call("DELETE", "/sites/none");
  await api.clock.advance(401 * 86_400_000);
  await api.restart();
  await api.call("DELETE", "/sites/none");
  expect((await api.call("GET", "/audit")).json.records.length).toBe(1);
});

test("records of one millisecond stand in the order in which they were made", async () => {
  await using api = await openTestApi();
  for (let index = 0; index < 20; index += 1) await api.call("DELETE", `/sites/s${index}`);
  const { records } = (await api.call("GET", "/audit")).json;
  const sites = records.map(({ site }: { site: string }) => site);
  expect(sites).toEqual(Array.from({ length: 20 }, (_, index) => `s${19 - index}`));
});
