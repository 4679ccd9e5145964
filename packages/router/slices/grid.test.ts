import { expect, test } from "bun:test";
import fc from "fast-check";
import { openingRange, SLICE_BYTES, sliceStart } from "./grid.ts";

const LAST = SLICE_BYTES - 1;

test("openingRange() asks for the slice in which the range begins", () => {
  const cases: [string, string, boolean][] = [
    ["bytes=0-9", `bytes=0-${LAST}`, false],
    ["bytes=0-", `bytes=0-${LAST}`, false],
    [`bytes=${SLICE_BYTES}-`, `bytes=${SLICE_BYTES}-${SLICE_BYTES + LAST}`, false],
    [`bytes=0-${LAST}`, `bytes=0-${LAST}`, true],
    ["Bytes= 5-9 , 700-800", `bytes=0-${LAST}`, false],
  ];
  for (const [range, value, isClients] of cases) {
    expect([range, openingRange(range)]).toEqual([range, { value, maxBytes: SLICE_BYTES, isClients }]);
  }
});

test("openingRange() asks for a suffix as it is", () => {
  expect(openingRange("bytes=-5")).toEqual({ value: "bytes=-5", maxBytes: 5, isClients: true });
  expect(openingRange("bytes=-99999999")?.maxBytes).toBe(2 * SLICE_BYTES);
  expect(openingRange("bytes=-5,0-1")).toEqual({ value: "bytes=-5", maxBytes: 5, isClients: false });
});

test("openingRange() knows nothing else", () => {
  for (const range of [
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=-0",
    "items=0-1",
    "bytes=a-b",
    "bytes=9999999999999999-",
  ]) {
    expect([range, openingRange(range)]).toEqual([range, undefined]);
  }
});

test("openingRange() asks for a stretch of one slice that holds the first byte, for any first byte", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), (first) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(openingRange(`bytes=${first}-`)?.value ?? "") ?? [];
      expect(Number(from) <= first && first <= Number(to)).toBe(true);
      expect([Number(from) % SLICE_BYTES, Number(to) - Number(from) + 1]).toEqual([0, SLICE_BYTES]);
      expect(sliceStart(first)).toBe(Number(from));
    }),
  );
});
