import { afterEach, beforeEach, expect, test } from "bun:test";
import { openTestApi, type TestApi } from "../testing.ts";

const HOUR_MS = 3_600_000;
let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
});

afterEach(() => api[Symbol.asyncDispose]());

const idOf = (secret: string) => secret.split("_")[1] ?? "";

test("a key is shown with its secret once, and without it from then on", async () => {
  const made = await api.call("POST", "/keys", { body: { name: "deploy", scopes: ["sites:read", "sites:read"] } });
  expect(made.status).toBe(201);
  const { key, secret } = made.json;
  expect(secret).toMatch(/^nesk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  expect(key).toEqual({
    ...{ id: idOf(secret), name: "deploy", scopes: ["sites:read"], createdBy: "operator" },
    ...{ createdAt: "2027-01-15T08:00:00.000Z", isActive: true },
  });
  expect(made.headers.get("location")).toBe(`/api/v1/keys/${key.id}`);
  expect((await api.call("GET", `/keys/${key.id}`)).json).toEqual(key);
  expect((await api.call("GET", "/keys")).text).not.toContain(secret.slice(18));
});

test("the last use of a key is known to the minute, also after a restart", async () => {
  const secret = await api.keyWith(["sites:read"]);
  await api.clock.advance(HOUR_MS);
  await api.call("GET", "/sites", { key: secret });
  await api.clock.advance(30_000);
  await api.call("GET", "/sites", { key: secret });
  await api.restart();
  expect((await api.call("GET", `/keys/${idOf(secret)}`)).json.lastUsedAt).toBe("2027-01-15T09:00:00.000Z");
});

test("a rotated key goes on for the overlap, and the new one may do the same", async () => {
  const old = await api.keyWith(["sites:read"], { sites: ["films"] });
  const rotated = await api.call("POST", `/keys/${idOf(old)}/rotate`, { body: { overlapSeconds: 60 } });
  expect(rotated.status).toBe(201);
  expect(rotated.json.key).toMatchObject({ scopes: ["sites:read"], sites: ["films"], name: "test" });
  const works = async (key: string) => (await api.call("GET", "/sites", { key })).status === 200;
  expect([await works(old), await works(rotated.json.secret)]).toEqual([true, true]);
  await api.clock.advance(59_999);
  expect(await works(old)).toBe(true);
  await api.clock.advance(1);
  expect([await works(old), await works(rotated.json.secret)]).toEqual([false, true]);
  const again = await api.call("POST", `/keys/${idOf(old)}/rotate`, { body: {} });
  expect([again.status, again.json.code]).toEqual([409, "key-ended"]);
});

test("rotation never makes a key last longer than it would have", async () => {
  const expiresAt = new Date(api.clock.nowMs() + HOUR_MS).toISOString();
  const old = await api.keyWith(["keys:write"], { expiresAt });
  const { json } = await api.call("POST", `/keys/${idOf(old)}/rotate`, { key: old, body: {} });
  expect(json.key.expiresAt).toBe(expiresAt);
  expect((await api.call("GET", `/keys/${idOf(old)}`)).json.expiresAt).toBe(expiresAt);
});

test("a revoked key is refused at once; removing it again forgets it", async () => {
  const secret = await api.keyWith(["sites:read"]);
  const path = `/keys/${idOf(secret)}`;
  expect((await api.call("DELETE", path)).status).toBe(204);
  expect((await api.call("GET", "/sites", { key: secret })).status).toBe(401);
  expect((await api.call("GET", path)).json).toMatchObject({ isActive: false, revokedAt: expect.any(String) });
  expect((await api.call("DELETE", path)).status).toBe(204);
  expect((await api.call("DELETE", path)).json.code).toBe("no-such-key");
});

test("a key makes, sees, rotates and revokes only keys that may do no more than itself", async () => {
  const bound = await api.keyWith(["keys:write", "sites:write"], { sites: ["films", "music"] });
  const create = (scopes: string[], sites?: string[]) =>
    api.call("POST", "/keys", { key: bound, body: { name: "child", scopes, sites } });
  expect((await create(["sites:read"], ["films"])).status).toBe(201);
  for (const [scopes, sites] of [
    [["purge"], ["films"]],
    [["sites:read"], ["films", "news"]],
    [["sites:read"]],
    [["admin"], ["films"]],
  ]) {
    const refused = await create(scopes as string[], sites);
    expect([refused.status, refused.json.code]).toEqual([403, "not-allowed"]);
  }
  const stronger = await api.keyWith(["sites:read", "purge"], { sites: ["films"] });
  const free = await api.keyWith(["sites:read"]);
  for (const hidden of [stronger, free]) {
    const path = `/keys/${idOf(hidden)}`;
    expect((await api.call("GET", path, { key: bound })).status).toBe(404);
    expect((await api.call("DELETE", path, { key: bound })).status).toBe(404);
    expect((await api.call("POST", `${path}/rotate`, { key: bound, body: {} })).status).toBe(404);
  }
  const listed = (await api.call("GET", "/keys", { key: bound })).json.keys;
  expect(listed.map(({ name }: { name: string }) => name).sort()).toEqual(["child", "test"]);
});

test("pages of keys are complete though the caller may not see some of them", async () => {
  const bound = await api.keyWith(["keys:read"], { sites: ["films"] });
  const seen = new Set([idOf(bound)]);
  for (let index = 0; index < 30; index += 1) {
    const isVisible = index % 3 === 0;
    const secret = await api.keyWith(["keys:read"], { sites: [isVisible ? "films" : "other"] });
    if (isVisible) seen.add(idOf(secret));
  }
  const found: string[] = [];
  let cursor = "";
  for (;;) {
    const { json } = await api.call("GET", `/keys?limit=4${cursor}`, { key: bound });
    found.push(...json.keys.map(({ id }: { id: string }) => id));
    if (json.nextCursor === undefined) break;
    expect(json.keys.length).toBe(4);
    cursor = `&cursor=${json.nextCursor}`;
  }
  expect(found).toEqual([...seen].sort());
});

test("a key that has expired already, or says nothing of what it may do, is refused with the field's name", async () => {
  const past = new Date(api.clock.nowMs()).toISOString();
  const refused = await api.call("POST", "/keys", { body: { name: "x", scopes: ["purge"], expiresAt: past } });
  expect(refused.json.errors).toEqual([
    { field: "body.expiresAt", found: past, allowed: "a time that is yet to come" },
  ]);
  const empty = await api.call("POST", "/keys", { body: { name: "", scopes: [], colour: "red" } });
  expect(empty.json.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
    "body.colour",
    "body.name",
    "body.scopes",
  ]);
});
