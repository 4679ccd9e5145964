import { expect, test } from "bun:test";
import { formatHttpDate } from "@neson/kit/http/date";
import fc from "fast-check";
import { plan, type StoredResponse } from "./plan.ts";
import { prepare } from "./prepare.ts";
import { freshened, freshenedByHead } from "./update.ts";
import type { VaryField } from "./vary.ts";

const STORED_AT_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const LATER_MS = STORED_AT_MS + 100_000;

function stored(headers: string[], vary: VaryField[] = []): StoredResponse {
  const received = { status: 200, headers, requestTimeMs: STORED_AT_MS, responseTimeMs: STORED_AT_MS };
  return { ...received, vary, facts: prepare(received) };
}

function after304(entry: StoredResponse, headers: string[]): StoredResponse | undefined {
  return freshened(entry, { headers, requestTimeMs: LATER_MS, responseTimeMs: LATER_MS });
}

test("freshened() replaces fields of the same name, keeps and adds the others", () => {
  const entry = stored(["ETag", '"1"', "X-Old", "a", "x-list", "1", "X-List", "2", "Cache-Control", "max-age=60"]);
  const date = formatHttpDate(LATER_MS);
  expect(after304(entry, ["etag", '"1"', "Date", date, "X-List", "3", "Cache-Control", "max-age=90"])?.headers).toEqual(
    [...["X-Old", "a", "etag", '"1"', "Date", date, "X-List", "3", "Cache-Control", "max-age=90"]],
  );
});

test("freshened() makes the stored response fresh again", () => {
  const entry = stored([
    "ETag",
    '"1"',
    "Cache-Control",
    "max-age=60",
    "Date",
    formatHttpDate(STORED_AT_MS),
    "Age",
    "50",
  ]);
  const request = { method: "GET", headers: {} };
  expect(plan(request, entry, LATER_MS).kind).toBe("revalidate");
  const updated = after304(entry, []);
  expect(plan(request, updated, LATER_MS + 59_000)).toEqual({
    kind: "hit",
    ageSeconds: 59,
    freshSeconds: 1,
    stale: false,
  });
});

test("freshened() leaves alone what describes the stored bytes or this connection", () => {
  const entry = stored(["Content-Length", "5", "Content-Type", "text/plain", "ETag", '"1"']);
  const updated = after304(entry, [
    ...["Content-Length", "0", "Content-Type", "text/html", "Content-Encoding", "gzip", "Content-Range", "bytes 0-1/2"],
    ...["Connection", "X-Hop", "X-Hop", "1", "Transfer-Encoding", "chunked", "Keep-Alive", "x", "Date", "d"],
  ]);
  expect(updated?.headers).toEqual(["Content-Length", "5", "Content-Type", "text/plain", "ETag", '"1"', "Date", "d"]);
});

test("freshened() refuses a 304 about another representation", () => {
  const modified = formatHttpDate(STORED_AT_MS);
  const cases: [name: string, known: string[], told: string[], holds: boolean][] = [
    ["same strong tag", ["ETag", '"1"'], ["ETag", '"1"'], true],
    ["another strong tag", ["ETag", '"1"'], ["ETag", '"2"'], false],
    ["strong tag for a weak one", ["ETag", 'W/"1"'], ["ETag", '"1"'], false],
    ["weak tag for a strong one", ["ETag", '"1"'], ["ETag", 'W/"1"'], true],
    ["another weak tag", ["ETag", 'W/"1"'], ["ETag", 'W/"2"'], false],
    ["a tag where none was", ["Last-Modified", modified], ["ETag", '"1"'], false],
    ["same date", ["Last-Modified", modified], ["Last-Modified", modified], true],
    ["another date", ["Last-Modified", modified], ["Last-Modified", formatHttpDate(LATER_MS)], false],
    ["no validator", ["ETag", '"1"'], [], true],
  ];
  for (const [name, known, told, holds] of cases) {
    expect([name, after304(stored(known), told) !== undefined]).toEqual([name, holds]);
  }
});

test("freshened() refuses a 304 that varies by other fields", () => {
  const entry = stored(["Vary", "Accept"], [["accept", "a"]]);
  expect(after304(entry, ["Vary", "accept"])).toBeDefined();
  expect(after304(entry, [])).toBeDefined();
  expect(after304(entry, ["Vary", "Accept, Accept-Language"])).toBeUndefined();
  expect(after304(entry, ["Vary", "*"])).toBeUndefined();
});

test("freshened() keeps all that the caller stored beside the response", () => {
  expect(freshened({ ...stored([]), object: 7 }, { headers: [], requestTimeMs: 1, responseTimeMs: 2 })).toMatchObject({
    object: 7,
    requestTimeMs: 1,
    responseTimeMs: 2,
  });
});

test("freshenedByHead() wants the stored length, and validators only as they are stored", () => {
  const cases: [name: string, known: string[], told: string[], declared: number | undefined, holds: boolean][] = [
    ["same length", [], [], 7, true],
    ["another length", [], [], 8, false],
    ["no length", [], [], undefined, false],
    ["same tag", ["ETag", '"1"'], ["ETag", '"1"'], 7, true],
    ["another tag", ["ETag", '"1"'], ["ETag", '"2"'], 7, false],
    ["a tag where none was", [], ["ETag", '"2"'], 7, false],
    ["other Vary", [], ["Vary", "Accept"], 7, false],
  ];
  for (const [name, known, told, declared, holds] of cases) {
    const response = { headers: told, requestTimeMs: LATER_MS, responseTimeMs: LATER_MS };
    const found = freshenedByHead(stored(known), response, { stored: 7, declared });
    expect([name, found?.facts.responseTimeMs]).toEqual([name, holds ? LATER_MS : undefined]);
  }
});

test("freshened() never throws and keeps lists of pairs", () => {
  const list = fc.array(fc.tuple(fc.string(), fc.string())).map((pairs) => pairs.flat());
  fc.assert(
    fc.property(list, list, (known, told) => {
      expect((after304(stored(known), told)?.headers.length ?? 0) % 2).toBe(0);
    }),
  );
});
