import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatHttpDate, parseHttpDate } from "./date.ts";

const REFERENCE_MS = Date.UTC(2026, 10, 22);
const EXPECTED_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

const DATES: [text: string, expectedMs: number | undefined][] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", EXPECTED_MS],
  ["Sunday, 06-Nov-94 08:49:37 GMT", EXPECTED_MS],
  ["Sun Nov  6 08:49:37 1994", EXPECTED_MS],
  ["sun, 06 NOV 1994 08:49:37 gmt", EXPECTED_MS],
  ["Wed, 01-Jan-69 00:00:00 GMT", undefined],
  ["Tuesday, 01-Jan-69 00:00:00 GMT", Date.UTC(2069, 0, 1)],
  ["Saturday, 01-Jan-77 00:00:00 GMT", Date.UTC(1977, 0, 1)],
  ["Sun, 06 Nov 1994 08:49:37 UTC", undefined],
  ["Sun, 06 Nov 1994 08:49:37 +0100", undefined],
  ["Sun, 06 Nov 1994 08:49:37", undefined],
  ["Sun, 6 Nov 1994 08:49:37 GMT", undefined],
  ["Sun, 06 Nov 94 08:49:37 GMT", undefined],
  ["Sun, 06 Nov 1994 8:49:37 GMT", undefined],
  ["Sun, 06 Foo 1994 08:49:37 GMT", undefined],
  ["Sun, 31 Feb 1994 08:49:37 GMT", undefined],
  ["Sun, 00 Nov 1994 08:49:37 GMT", undefined],
  ["Sun, 06 Nov 1994 24:49:37 GMT", undefined],
  ["Sun, 06 Nov 1994 08:60:37 GMT", undefined],
  ["Sun, 32 Nov 1994 08:49:37 GMT", undefined],
  ["1994-11-06", undefined],
  ["now", undefined],
  ["0", undefined],
  ["-1", undefined],
  ["", undefined],
];

test("parseHttpDate() reads the three forms without case, and no zone but GMT", () => {
  for (const [text, expectedMs] of DATES) expect([text, parseHttpDate(text, REFERENCE_MS)]).toEqual([text, expectedMs]);
});

test("parseHttpDate() reads every date that formatHttpDate() writes", () => {
  const seconds = fc.integer({ min: 0, max: 253_402_300_799 });
  fc.assert(
    fc.property(seconds, (time) => {
      expect(parseHttpDate(formatHttpDate(time * 1000), REFERENCE_MS)).toBe(time * 1000);
    }),
  );
});

test("parseHttpDate() never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseHttpDate(text, REFERENCE_MS)));
});

test("parseHttpDate() without a reference reads two-digit years as 1970 to 2069", () => {
  expect(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT")).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
  expect(parseHttpDate("Monday, 06-Nov-23 00:00:00 GMT")).toBe(Date.UTC(2023, 10, 6));
});
