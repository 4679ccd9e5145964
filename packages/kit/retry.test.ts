import { expect, test } from "bun:test";
import fc from "fast-check";
import { backoffMs } from "./retry.ts";

test("backoffMs() doubles its ceiling from baseMs to maxMs", () => {
  const top = (attempt: number) => backoffMs(attempt, { baseMs: 100, maxMs: 10_000, random: () => 1 });
  expect([0, 1, 2, 6, 7, 5000].map(top)).toEqual([100, 200, 400, 6400, 10_000, 10_000]);
});

test("backoffMs() stays between 0 and maxMs for any attempt and randomness", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const ms = backoffMs(attempt, { baseMs: 100, maxMs: 10_000, random: () => random });
      return ms >= 0 && ms <= 10_000;
    }),
  );
});
