import { afterAll, beforeAll, expect, test } from "bun:test";
import { allows, SCOPE_NAMES, type Scope } from "./scopes.ts";
import { type Operation, openTestApi, operationsOf, type TestApi } from "./testing.ts";

const EVERYTHING_BUT_ADMIN = SCOPE_NAMES.filter((name) => name !== "admin");
let api: TestApi;
let operations: Operation[];

beforeAll(async () => {
  api = await openTestApi();
  operations = operationsOf((await api.call("GET", "/openapi.json", { key: "" })).json);
  await api.call("PUT", "/sites/films", { body: { name: "films", hosts: ["films.test"], origin: "https://o.test" } });
  await api.call("PUT", "/sites/other", { body: { name: "other", hosts: ["other.test"], origin: "https://o.test" } });
});

afterAll(() => api[Symbol.asyncDispose]());

/** The status of a call with its example as the body. */
async function statusOf({ method, path, example }: Operation, key: string): Promise<number> {
  return (await api.call(method, path, { key, ...(example === undefined ? {} : { body: example }) })).status;
}

test("the document lists calls of many scopes, which is what these tests go through", () => {
  expect(operations.length).toBeGreaterThan(20);
  expect(new Set(operations.map(({ scope }) => scope)).size).toBeGreaterThan(6);
});

test.each([...SCOPE_NAMES])(
  "a key with %s alone reaches what that scope is for, and nothing else",
  async (scope: Scope) => {
    const key = await api.keyWith([scope]);
    const reached: Record<string, boolean> = {};
    // A key makes only keys that may do no more than itself.
    const example = { name: "another", scopes: [scope] };
    for (const operation of operations) {
      const asked = operation.id === "createKey" ? { ...operation, example } : operation;
      reached[operation.id] = (await statusOf(asked, key)) !== 403;
    }
    const expected = operations.map(({ id, scope: needed }) => [id, needed === undefined || allows([scope], needed)]);
    expect(reached).toEqual(Object.fromEntries(expected));
  },
);

test("without a key, with a wrong, an expired or a revoked one, only what is public is answered", async () => {
  const expired = await api.keyWith(["admin"], { expiresAt: new Date(api.clock.nowMs() + 1000).toISOString() });
  const revoked = await api.keyWith(["admin"]);
  expect((await api.call("GET", "/sites", { key: expired })).status).toBe(200);
  await api.clock.advance(1000);
  await api.call("DELETE", `/keys/${revoked.split("_")[1]}`);
  const altered = (await api.keyWith(["admin"])).replace(/.$/, (last) => (last === "A" ? "B" : "A"));
  for (const key of ["", "nonsense", "operator-tokem", altered, expired, revoked, "nesk_000000000000_x"]) {
    for (const [index, operation] of operations.entries()) {
      // An address without a key has so many calls in ten seconds.
      if (index % 50 === 0) await api.clock.advance(10_000);
      const status = await statusOf(operation, key);
      expect([operation.id, key, status === 401]).toEqual([operation.id, key, operation.scope !== undefined]);
    }
  }
});

test("a refusal for want of a key says how to send one", async () => {
  const { headers, json } = await api.call("GET", "/sites", { key: "", address: "192.0.2.1" });
  expect(headers.get("www-authenticate")).toBe('Bearer realm="NESON control API"');
  expect(json).toMatchObject({ code: "unauthorised", status: 401 });
});

test("a key for one site cannot tell whether another site exists, nor reach what is about the network", async () => {
  const key = await api.keyWith(EVERYTHING_BUT_ADMIN, { sites: ["other"] });
  for (const operation of operations.filter(({ path }) => path.startsWith("/sites/films"))) {
    const there = await api.call(operation.method, operation.path, { key, body: operation.example });
    const absent = await api.call(operation.method, operation.path.replace("films", "absent"), {
      key,
      body: operation.example,
    });
    expect([operation.id, there.status, absent.status]).toEqual([operation.id, 403, 403]);
    expect(there.json.detail.replaceAll("films", "absent")).toBe(absent.json.detail);
  }
  for (const path of ["/status", `/terminals/${"ab".repeat(32)}/standing`]) {
    expect((await api.call("GET", path, { key })).status).toBe(403);
  }
  expect((await api.call("GET", "/sites/other", { key })).status).toBe(200);
  expect((await api.call("GET", "/sites", { key })).json.sites.map(({ name }: { name: string }) => name)).toEqual([
    "other",
  ]);
  const films = { name: "films", hosts: ["new.test"], origin: "https://o.test" };
  const added = await api.call("POST", "/sites", { key, body: films });
  const unknown = await api.call("POST", "/sites", { key, body: { ...films, name: "absent" } });
  expect([added.status, unknown.status]).toEqual([403, 403]);
});

test("a key for one site reads of the audit trail what concerns that site", async () => {
  const key = await api.keyWith(EVERYTHING_BUT_ADMIN, { sites: ["other"] });
  const { records } = (await api.call("GET", "/audit", { key })).json;
  expect(records.length).toBeGreaterThan(0);
  expect(new Set(records.map(({ site }: { site: string }) => site))).toEqual(new Set(["other"]));
  expect((await api.call("GET", "/audit?site=films", { key })).json.records).toEqual([]);
});
