import { afterEach, beforeEach, expect, test } from "bun:test";
import { openTestApi, type TestApi } from "./testing.ts";

const DAY_MS = 86_400_000;
const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };
let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
});

afterEach(() => api[Symbol.asyncDispose]());

const add = (body: object, headers: Record<string, string>, key?: string) =>
  api.call("POST", "/sites", { body, headers, ...(key !== undefined && { key }) });

test("a repeated POST with one Idempotency-Key changes nothing and is answered the same, also after a restart", async () => {
  const once = { "Idempotency-Key": "a1" };
  const first = await add(FILMS, once);
  await api.call("DELETE", "/sites/films");
  const repeated = await add(FILMS, once);
  await api.restart();
  const later = await add(FILMS, once);
  for (const answer of [repeated, later]) {
    expect([answer.status, answer.text]).toEqual([201, first.text]);
    for (const field of ["etag", "location", "content-type"]) {
      expect(answer.headers.get(field)).toBe(first.headers.get(field));
    }
    expect(answer.headers.get("idempotency-replayed")).toBe("true");
  }
  expect(first.headers.get("idempotency-replayed")).toBeNull();
  expect(api.sites.byName("films")).toBeUndefined();
  const { records } = (await api.call("GET", "/audit")).json;
  expect(records.filter(({ call }: { call: string }) => call === "addSite").length).toBe(1);
});

test("the same Idempotency-Key with another body or call is refused", async () => {
  const once = { "Idempotency-Key": "a1" };
  await add(FILMS, once);
  expect((await add({ ...FILMS, name: "music" }, once)).json).toMatchObject({ status: 422, code: "key-reused" });
  const other = await api.call("POST", "/keys", { body: FILMS, headers: once });
  expect(other.json).toMatchObject({ status: 400, code: "bad-input" });
  const grant = { name: "x", scopes: ["purge"] };
  expect((await api.call("POST", "/keys", { body: grant, headers: once })).json.code).toBe("key-reused");
});

test("each caller has Idempotency-Keys of its own", async () => {
  const [one, two] = [await api.keyWith(["sites:write"]), await api.keyWith(["sites:write"])];
  expect((await add(FILMS, { "Idempotency-Key": "a1" }, one)).status).toBe(201);
  const other = await add({ ...FILMS, name: "music", hosts: ["music.test"] }, { "Idempotency-Key": "a1" }, two);
  expect(other.status).toBe(201);
});

test("a refusal is repeated too, and is forgotten with the key after a day", async () => {
  await add(FILMS, {});
  const once = { "Idempotency-Key": "a1" };
  expect((await add(FILMS, once)).json.code).toBe("site-exists");
  await api.call("DELETE", "/sites/films");
  expect((await add(FILMS, once)).json.code).toBe("site-exists");
  await api.clock.advance(DAY_MS + 1);
  expect((await add(FILMS, once)).status).toBe(201);
});

test("an answer that shows a secret is not stored: its repetition makes no second key and says why", async () => {
  const ask = () =>
    api.call("POST", "/keys", { body: { name: "x", scopes: ["purge"] }, headers: { "Idempotency-Key": "k" } });
  expect((await ask()).status).toBe(201);
  expect((await ask()).json).toMatchObject({ status: 409, code: "answer-not-kept" });
  expect((await api.call("GET", "/keys")).json.keys.length).toBe(1);
});

test("two simultaneous requests with one Idempotency-Key are carried out once", async () => {
  const ask = () =>
    api.call("POST", "/keys", { body: { name: "x", scopes: ["purge"] }, headers: { "Idempotency-Key": "k" } });
  const statuses = (await Promise.all([ask(), ask(), ask()])).map(({ status }) => status).sort();
  expect(statuses).toEqual([201, 409, 409]);
  expect((await api.call("GET", "/keys")).json.keys.length).toBe(1);
});

test.each(["", " ", "a b", "ü", "x".repeat(129)])("an Idempotency-Key %p is refused", async (key) => {
  const answer = await add(FILMS, { "Idempotency-Key": encodeURIComponent(key).includes("%C3") ? "\xfc" : key });
  expect(answer.json.errors).toMatchObject([{ field: "header.Idempotency-Key" }]);
});
