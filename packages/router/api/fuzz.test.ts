import { afterAll, beforeAll, expect, test } from "bun:test";
import { silentLog } from "@neson/kit/log";
import fc from "fast-check";
import { type Operation, openTestApi, operationsOf, type TestApi, type Told } from "./testing.ts";

const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };
let api: TestApi;
/** Refusals that the document does not list. */
const undeclared: string[] = [];
let operations: Operation[];

beforeAll(async () => {
  const warn = (details: { err?: unknown }) => void undeclared.push(String(details.err));
  api = await openTestApi({ log: { ...silentLog, warn } as typeof silentLog });
  operations = operationsOf((await api.call("GET", "/openapi.json")).json);
  await api.call("POST", "/sites", { body: FILMS });
});

afterAll(() => api[Symbol.asyncDispose]());

/** No answer may be a failure of the Router's own, and every refusal must be a problem. */
function judge({ status, headers, json }: Told): void {
  expect(status).toBeLessThan(500);
  expect(undeclared).toEqual([]);
  if (status < 400) return;
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect([json.status, typeof json.detail]).toEqual([status, "string"]);
  expect(json.code).toMatch(/^[a-z-]+$/);
  expect(json.type).toBe(`/api/v1/problems#${json.code}`);
}

const anyBody = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
  fc.string({ unit: "binary" }),
);

test("any body of any call is answered or refused, never failed at", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), anyBody, async (pick, text) => {
      const { method, path } = operations[pick % operations.length] as Operation;
      judge(await api.call(method, path, method === "GET" ? {} : { text }));
      await api.clock.advance(100);
    }),
    { numRuns: 1500 },
  );
}, 60_000);

test("a body that is right but for one field is answered or refused, never failed at", async () => {
  const place = fc.array(
    fc.constantFrom(
      "name",
      "hosts",
      "origin",
      "rules",
      "cache",
      "access",
      "signing",
      "keys",
      "rewrite",
      "spend",
      "cap",
      "0",
      "path",
      "scopes",
    ),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(place, fc.jsonValue({ maxDepth: 2 }), async (steps, value) => {
      const odd = steps.reduceRight<unknown>((inner, step) => ({ [step]: inner }), value) as object;
      judge(await api.call("PATCH", "/sites/films", { body: odd }));
      judge(await api.call("PUT", "/sites/films", { body: { ...FILMS, ...odd } }));
      judge(await api.call("POST", "/keys", { body: { name: "x", scopes: ["purge"], ...odd } }));
      await api.clock.advance(100);
    }),
    { numRuns: 500 },
  );
}, 60_000);

test("any path, query and field is answered or refused, never failed at", async () => {
  const segment = fc.oneof(
    fc.constantFrom(
      "sites",
      "films",
      "rules",
      "keys",
      "audit",
      "terminals",
      "..",
      "%2e%2e",
      "%00",
      "%ff",
      "%",
      "__proto__",
      "constructor",
    ),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.webSegment(),
  );
  const path = fc
    .tuple(fc.array(segment, { maxLength: 5 }), fc.option(fc.webQueryParameters()))
    .map(
      ([segments, query]) =>
        `/${segments.map((text) => text.replace(/[?#\s]/g, "")).join("/")}${query === null ? "" : `?${query}`}`,
    );
  const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
  const field = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(method, path, field, async (verb, target, value) => {
      const headers = { "If-Match": value, "If-None-Match": value, "Idempotency-Key": value, Accept: value };
      const answer = await api.call(verb, target, { headers });
      if (verb !== "HEAD") judge(answer);
      else expect(answer.status).toBeLessThan(500);
      await api.clock.advance(100);
    }),
    { numRuns: 1500 },
  );
}, 60_000);

test("bodies that are too long, too deep or not UTF-8 are refused by name", async () => {
  const post = (text: string) => api.call("POST", "/sites", { text });
  expect((await post(JSON.stringify("x".repeat(1_048_577)))).json).toMatchObject({
    status: 413,
    code: "body-too-long",
  });
  expect((await post("[".repeat(5000) + "]".repeat(5000))).json).toMatchObject({ status: 400, code: "bad-input" });
  expect((await post("{")).json).toMatchObject({ status: 400, code: "not-json" });
  expect((await post("")).json).toMatchObject({ status: 400, code: "bad-input" });
});
