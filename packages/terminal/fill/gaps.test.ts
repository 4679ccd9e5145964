import { expect, test } from "bun:test";
import fc from "fast-check";
import { nextGap } from "./gaps.ts";

test("nextGap() finds the first missing stretch when nobody is at work", () => {
  expect(nextGap(Uint8Array.of(1, 0, 0, 1, 0), [], 0)).toEqual({ next: 1, end: 3 });
  expect(nextGap(Uint8Array.of(1, 0, 0, 1, 0), [], 3)).toEqual({ next: 4, end: 5 });
  expect(nextGap(Uint8Array.of(1, 1), [], 0)).toBeUndefined();
});

test("nextGap() wraps around and leaves out what is being fetched when others are at work", () => {
  const have = new Uint8Array(10);
  expect(nextGap(have, [{ next: 5, end: 10 }], 5)).toEqual({ next: 0, end: 5 });
  expect(nextGap(have, [{ next: 0, end: 4 }], 0)).toEqual({ next: 4, end: 10 });
  expect(nextGap(have, [{ next: 0, end: 10 }], 3)).toBeUndefined();
});

test("nextGap() gives only missing pieces that no run covers when state is arbitrary", () => {
  const run = fc.tuple(fc.nat(20), fc.nat(20)).map(([a, b]) => ({ next: Math.min(a, b), end: Math.max(a, b) }));
  const bits = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(bits, fc.array(run, { maxLength: 4 }), fc.nat(20), (values, runs, from) => {
      const have = Uint8Array.from(values);
      const isOpen = (i: number) => have[i] === 0 && !runs.some(({ next, end }) => i >= next && i < end);
      const open = [...have.keys()].filter(isOpen);
      const gap = nextGap(have, runs, from);
      if (gap === undefined) return open.length === 0;
      const stretch = Array.from({ length: gap.end - gap.next }, (_, i) => gap.next + i);
      const expectedFirst = open.find((i) => i >= from) ?? open[0];
      return stretch.length > 0 && stretch.every(isOpen) && gap.next === expectedFirst;
    }),
  );
});
