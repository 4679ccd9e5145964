import { afterEach, beforeEach, expect, test } from "bun:test";
import { openTestApi, type TestApi } from "../testing.ts";

const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };
const SECRET = "0123456789abcdefghijklmnop";
const SIGNING = { paths: ["/paid/*"], keys: [{ id: "key-1", secret: SECRET }] };
let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
});

afterEach(() => api[Symbol.asyncDispose]());

test("a site is added, shown, changed, replaced and removed", async () => {
  const added = await api.call("POST", "/sites", { body: FILMS });
  expect([added.status, added.headers.get("location")]).toEqual([201, "/api/v1/sites/films"]);
  expect(added.json).toMatchObject({ ...FILMS, rules: [], allowPrivateOrigin: false });
  expect((await api.call("GET", "/sites/films")).json).toEqual(added.json);
  const patched = await api.call("PATCH", "/sites/films", { body: { cache: { staleIfErrorSeconds: 5 } } });
  expect(patched.json.cache).toEqual({ ...added.json.cache, staleIfErrorSeconds: 5 });
  expect((await api.call("PATCH", "/sites/films", { body: { cache: null } })).json).toEqual(added.json);
  const put = await api.call("PUT", "/sites/films", { body: { ...FILMS, hosts: ["new.test"] } });
  expect([put.status, put.json.hosts]).toEqual([200, ["new.test"]]);
  expect(api.sites.byHost("new.test")?.name).toBe("films");
  expect((await api.call("DELETE", "/sites/films")).status).toBe(204);
  expect((await api.call("DELETE", "/sites/films")).json.code).toBe("no-such-site");
});

test("POST refuses a name that is taken, PUT a name other than the path's, both a host that another site has", async () => {
  await api.call("POST", "/sites", { body: FILMS });
  expect((await api.call("POST", "/sites", { body: FILMS })).json).toMatchObject({ status: 409, code: "site-exists" });
  const misnamed = await api.call("PUT", "/sites/music", { body: FILMS });
  expect(misnamed.json.errors[0].field).toBe("body.name");
  const thief = await api.call("PUT", "/sites/music", { body: { ...FILMS, name: "music" } });
  expect(thief.json).toMatchObject({ status: 409, code: "host-taken" });
});

test("what several fields have wrong is told by field", async () => {
  const body = { ...FILMS, hosts: ["Upper"], origin: "ftp://x", rules: [{ path: "/", deliver: "pigeon" }] };
  const { status, json, headers } = await api.call("POST", "/sites", { body });
  expect([status, headers.get("content-type")]).toEqual([400, "application/problem+json"]);
  const fields = json.errors.map(({ field }: { field: string }) => field);
  expect(fields).toEqual(["body.hosts.0", "body.origin", "body.rules.0.deliver"]);
});

test("settings that contradict each other are refused by every way of changing them", async () => {
  await api.call("POST", "/sites", { body: FILMS });
  const rewrite = { canonicalHost: "elsewhere.test" };
  for (const [method, path, body] of [
    ["PUT", "/sites/films", { ...FILMS, rewrite }],
    ["PATCH", "/sites/films", { rewrite }],
    ["PUT", "/sites/films/rewrite", rewrite],
    ["PATCH", "/sites/films/rewrite", rewrite],
  ] as const) {
    const { json } = await api.call(method, path, { body });
    expect(json.errors).toMatchObject([{ field: "body.rewrite.canonicalHost" }]);
  }
});

test("a change that names another version is refused, and of two on one version one wins", async () => {
  await api.call("POST", "/sites", { body: FILMS });
  const first = await api.call("GET", "/sites/films");
  const tag = first.headers.get("etag") ?? "";
  expect((await api.call("GET", "/sites/films", { headers: { "If-None-Match": tag } })).status).toBe(304);
  const change = (origin: string) =>
    api.call("PATCH", "/sites/films", { body: { origin }, headers: { "If-Match": tag } });
  const both = await Promise.all([change("https://a.test"), change("https://b.test")]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  expect((await api.call("DELETE", "/sites/films", { headers: { "If-Match": tag } })).json.code).toBe(
    "version-mismatch",
  );
  const fresh = (await api.call("GET", "/sites/films")).headers.get("etag") ?? "";
  expect((await api.call("DELETE", "/sites/films", { headers: { "If-Match": fresh } })).status).toBe(204);
});

test("PUT with If-None-Match: * only adds, and with If-Match only replaces", async () => {
  const put = (headers: Record<string, string>) => api.call("PUT", "/sites/films", { body: FILMS, headers });
  expect((await put({ "If-Match": "*" })).status).toBe(412);
  expect((await put({ "If-None-Match": "*" })).status).toBe(201);
  expect((await put({ "If-None-Match": "*" })).status).toBe(412);
  expect((await put({ "If-Match": "*" })).status).toBe(200);
});

test("rules are a list of their own with a version of their own", async () => {
  await api.call("POST", "/sites", { body: FILMS });
  const rules = [{ path: "/live/*", deliver: "router" }];
  const before = await api.call("GET", "/sites/films/rules");
  expect(before.json).toEqual([]);
  const put = await api.call("PUT", "/sites/films/rules", { body: rules });
  expect([put.status, put.json]).toEqual([200, rules]);
  const stale = { "If-Match": before.headers.get("etag") ?? "" };
  expect((await api.call("PUT", "/sites/films/rules", { body: [], headers: stale })).status).toBe(412);
  expect(api.sites.byName("films")?.rules).toMatchObject(rules);
  expect((await api.call("PUT", "/sites/none/rules", { body: rules })).json.code).toBe("no-such-site");
});

test("secrets of signing keys are never shown, and stay when what was shown is saved", async () => {
  const added = await api.call("POST", "/sites", { body: { ...FILMS, access: { signing: SIGNING } } });
  const shown = await api.call("GET", "/sites/films");
  const access = await api.call("GET", "/sites/films/access");
  const listed = await api.call("GET", "/sites");
  for (const { text } of [added, shown, access, listed]) expect(text).not.toContain(SECRET);
  expect(shown.json.access.signing.keys).toEqual([{ id: "key-1" }]);
  const stored = () => api.sites.byName("films")?.access.signing?.keys;
  await api.call("PUT", "/sites/films", { body: shown.json });
  expect(stored()).toEqual(SIGNING.keys);
  await api.call("PUT", "/sites/films/access", { body: access.json });
  expect(stored()).toEqual(SIGNING.keys);
  await api.call("PATCH", "/sites/films", { body: { access: { maxBodyBytes: 7 } } });
  expect(stored()).toEqual(SIGNING.keys);
  const second = { id: "key-2", secret: SECRET.toUpperCase() };
  await api.call("PATCH", "/sites/films/access", { body: { signing: { keys: [{ id: "key-1" }, second] } } });
  expect(stored()).toEqual([...SIGNING.keys, second]);
});

test("a signing key that is new needs its secret, and a placeholder is not taken for one", async () => {
  await api.call("POST", "/sites", { body: { ...FILMS, access: { signing: SIGNING } } });
  for (const key of [{ id: "key-2" }, { id: "key-1", secret: "(hidden)" }, { id: "key-1", secret: "" }]) {
    const { json, text } = await api.call("PATCH", "/sites/films/access", { body: { signing: { keys: [key] } } });
    expect(json.errors.map(({ field }: { field: string }) => field)).toEqual([
      expect.stringMatching(/^body\.access\.signing\.keys\.0\.secret$/),
    ]);
    expect(text).not.toContain("(hidden)");
  }
  expect(api.sites.byName("films")?.access.signing?.keys).toEqual(SIGNING.keys);
});

test("another secret under the same id is another version", async () => {
  const added = await api.call("POST", "/sites", { body: { ...FILMS, access: { signing: SIGNING } } });
  const keys = [{ id: "key-1", secret: SECRET.toUpperCase() }];
  const changed = await api.call("PATCH", "/sites/films/access", { body: { signing: { keys } } });
  const now = await api.call("GET", "/sites/films");
  expect(changed.status).toBe(200);
  expect(now.text).toBe(added.text);
  expect(now.headers.get("etag")).not.toBe(added.headers.get("etag"));
});

test("every field of a site whose name speaks of a secret is one that is hidden", async () => {
  const document = (await api.call("GET", "/openapi.json", { key: "" })).json;
  const fields: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (/secret|password|token|credential$/i.test(name)) fields.push(`${path}.${name}`);
      walk(inner, `${path}.${name}`);
    }
  };
  walk(document.components.schemas.Site.properties, "Site");
  expect(fields).toEqual(["Site.access.properties.signing.properties.keys.items.properties.secret"]);
});

test("what costs money or reaches into the operator's network needs more than sites:write", async () => {
  const key = await api.keyWith(["sites:write"]);
  const refused = async (method: string, path: string, body: object) => {
    const answer = await api.call(method, path, { key, body });
    return [answer.status, answer.json.code];
  };
  expect(await refused("POST", "/sites", { ...FILMS, allowPrivateOrigin: true })).toEqual([403, "not-allowed"]);
  expect((await api.call("POST", "/sites", { key, body: FILMS })).status).toBe(201);
  expect(await refused("PATCH", "/sites/films", { allowPrivateOrigin: true })).toEqual([403, "not-allowed"]);
  expect(await refused("PATCH", "/sites/films", { spend: { cap: { amount: "1" } } })).toEqual([403, "not-allowed"]);
  await api.call("PATCH", "/sites/films", { body: { allowPrivateOrigin: true } });
  expect(await refused("PATCH", "/sites/films", { origin: "http://127.0.0.1:9000" })).toEqual([403, "not-allowed"]);
  const spender = await api.keyWith(["sites:write", "spend:write"]);
  const cap = await api.call("PATCH", "/sites/films", { key: spender, body: { spend: { cap: { amount: "1" } } } });
  expect(cap.status).toBe(200);
  const webhook = { spend: { webhook: "http://127.0.0.1/" } };
  expect((await api.call("PATCH", "/sites/films", { key: spender, body: webhook })).status).toBe(403);
  expect((await api.call("PATCH", "/sites/films", { key, body: { cache: { compression: false } } })).status).toBe(200);
});

test("a merge patch cannot change the name, nor smuggle a prototype in", async () => {
  await api.call("POST", "/sites", { body: FILMS });
  expect((await api.call("PATCH", "/sites/films", { body: { name: "music" } })).status).toBe(400);
  const smuggled = await api.call("PATCH", "/sites/films", { text: '{"cache":{"__proto__":{"compression":false}}}' });
  expect(smuggled.status).toBe(400);
  expect((await api.call("GET", "/sites/films")).json.cache.compression).toBe(true);
});

test("pages of sites are complete and in order", async () => {
  const names = Array.from({ length: 7 }, (_, index) => `site-${index}`);
  for (const name of [...names].reverse()) {
    await api.call("PUT", `/sites/${name}`, { body: { ...FILMS, name, hosts: [`${name}.test`] } });
  }
  const found: string[] = [];
  for (let path: string | undefined = "/sites?limit=3"; path !== undefined; ) {
    const { json } = await api.call("GET", path);
    found.push(...json.sites.map(({ name }: { name: string }) => name));
    path = json.nextCursor === undefined ? undefined : `/sites?limit=3&cursor=${json.nextCursor}`;
  }
  expect(found).toEqual(names);
  for (const bad of ["limit=0", "limit=501", "limit=x", "cursor=*", "cursor=A", "limit=1&limit=2", "colour=red"]) {
    expect((await api.call("GET", `/sites?${bad}`)).json).toMatchObject({ status: 400, code: "bad-input" });
  }
});
