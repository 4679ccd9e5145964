import { expect, test } from "bun:test";
import { contentRangeOf } from "./content-range.ts";

test("contentRangeOf() reads what RFC 9110 section 14.4 defines", () => {
  expect(contentRangeOf(["Content-Range", "bytes 42-1233/1234"])).toEqual({ first: 42, last: 1233, size: 1234 });
  expect(contentRangeOf(["content-range", "Bytes 0-0/1"])).toEqual({ first: 0, last: 0, size: 1 });
});

test("contentRangeOf() refuses what is not valid, not about bytes or leaves the size open", () => {
  const values = [
    "",
    "bytes 42-1233/*",
    "bytes */1234",
    "bytes 5-4/10",
    "bytes 0-10/10",
    "items 0-1/2",
    "bytes 0-1",
    "0-1/2",
  ];
  values.push("bytes 0-1/2, bytes 0-1/2", "bytes -1-2/3", "bytes 0-1/9999999999999999", "bytes 0x0-1/2");
  for (const value of values) expect([value, contentRangeOf(["Content-Range", value])]).toEqual([value, undefined]);
  expect(contentRangeOf([])).toBe(undefined);
  expect(contentRangeOf(["Content-Range", "bytes 0-1/2", "Content-Range", "bytes 0-1/3"])).toBe(undefined);
});
