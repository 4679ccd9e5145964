import { expect, test } from "bun:test";
import { strongValidatorOf } from "./versions.ts";

const OLD = "Sun, 06 Nov 1994 08:49:37 GMT";
const SECOND_LATER = "Sun, 06 Nov 1994 08:49:38 GMT";

test("strongValidatorOf() prefers a strong entity tag", () => {
  expect(strongValidatorOf(["ETag", '"a"', "Last-Modified", OLD, "Date", SECOND_LATER])).toBe('"a"');
});

test("strongValidatorOf() takes a Last-Modified that is at least a second old (RFC 9110 section 8.8.2.2)", () => {
  expect(strongValidatorOf(["Last-Modified", OLD, "Date", SECOND_LATER])).toBe(OLD);
  expect(strongValidatorOf(["ETag", 'W/"a"', "Last-Modified", OLD, "Date", SECOND_LATER])).toBe(OLD);
  expect(strongValidatorOf(["Last-Modified", OLD, "Date", OLD])).toBe(undefined);
});

test("strongValidatorOf() takes nothing weak, malformed or contradictory", () => {
  const lists = [
    [],
    ["ETag", 'W/"a"'],
    ["ETag", "a"],
    ["ETag", '"a"b"'],
    ["ETag", '"a"', "ETag", '"b"'],
    ["Last-Modified", OLD],
  ];
  for (const list of lists) expect([list, strongValidatorOf(list)]).toEqual([list, undefined]);
  expect(strongValidatorOf(["Last-Modified", "yesterday", "Date", OLD])).toBe(undefined);
});
