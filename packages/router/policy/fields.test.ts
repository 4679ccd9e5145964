import { expect, test } from "bun:test";
import { endToEndFields, fieldLines, listMembers, soleField } from "./fields.ts";
import { invalidates } from "./invalidate.ts";

test("fieldLines() finds every line whatever the case of its name", () => {
  expect(fieldLines(["A", " 1 ", "b", "2", "a", "3", "aa", "4"], "a")).toEqual(["1", "3"]);
  expect(fieldLines(["A"], "a")).toEqual([]);
});

test("soleField() gives nothing when lines contradict each other", () => {
  expect(soleField(["A", "1", "a", "1"], "a")).toBe("1");
  expect(soleField(["A", "1", "a", "2"], "a")).toBeUndefined();
  expect(soleField([], "a")).toBeUndefined();
});

test("listMembers() drops empty members", () => {
  expect(listMembers(["A, ,b", ""])).toEqual(["a", "b"]);
});

test("endToEndFields() drops what belongs to the connection and what Connection lists", () => {
  const headers = [
    "Connection",
    "close, X-Hop",
    "x-hop",
    "1",
    "Keep-Alive",
    "5",
    "TE",
    "trailers",
    "ETag",
    '"1"',
    "a",
    "b",
  ];
  expect(endToEndFields(headers)).toEqual(["ETag", '"1"', "a", "b"]);
});

test("invalidates() is true after an unsafe or unknown method succeeded", () => {
  const cases: [method: string, status: number, expected: boolean][] = [
    ["POST", 200, true],
    ["PUT", 204, true],
    ["DELETE", 303, true],
    ["FOO", 200, true],
    ["POST", 400, false],
    ["POST", 500, false],
    ["POST", 103, false],
    ["GET", 200, false],
    ["HEAD", 200, false],
    ["OPTIONS", 200, false],
    ["TRACE", 200, false],
  ];
  for (const [method, status, expected] of cases) {
    expect([method, status, invalidates(method, status)]).toEqual([method, status, expected]);
  }
});
