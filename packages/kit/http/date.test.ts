import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseHttpDate } from "./date.ts";

test("parseHttpDate() reads the three formats of RFC 9110", () => {
  const ms = Date.UTC(1994, 10, 6, 8, 49, 37);
  expect(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT")).toBe(ms);
  expect(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT")).toBe(ms);
  expect(parseHttpDate("Sun Nov  6 08:49:37 1994")).toBe(ms);
  expect(parseHttpDate("Monday, 06-Nov-23 00:00:00 GMT")).toBe(Date.UTC(2023, 10, 6));
});

test("parseHttpDate() refuses anything else", () => {
  const bad = ["", "0", "now", "1994-11-06", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC"];
  bad.push("Sun, 06 nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT");
  expect(bad.filter((text) => parseHttpDate(text) !== undefined)).toEqual([]);
});

test("parseHttpDate() reads back any date that toUTCString() writes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), (seconds) => {
      return parseHttpDate(new Date(seconds * 1000).toUTCString()) === seconds * 1000;
    }),
  );
});
