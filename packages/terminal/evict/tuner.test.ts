import { expect, test } from "bun:test";
import { fingerprint } from "./fingerprint.ts";
import { Tuner, variants } from "./tuner.ts";

const STORE = { count: 100, capacityBytes: 100 };

function variantAfter(nextKey: (at: number) => number): number {
  const tuner = new Tuner(1);
  for (let at = 0; at < 30_000; at++) tuner.observe(fingerprint(nextKey(at)), 1, STORE);
  return variants.indexOf(tuner.variant);
}

test("Tuner takes recency where objects are asked for in bursts and never again", () => {
  // Each key 60 times among 120 others, so that all hits come soon; old keys are worthless.
  expect(variantAfter((at) => Math.floor(at / 60) + ((at * 37) % 90))).toBe(0);
});

test("Tuner takes strict frequency where a few keys stay popular among ever new ones", () => {
  const popular = (at: number) => Math.floor(400 * ((fingerprint(at) % 1000) / 1000) ** 3);
  expect(variantAfter((at) => (at % 3 === 0 ? popular(at) : 1e6 + at))).toBeGreaterThanOrEqual(3);
});

test("Tuner says when the variant changes, and only then", () => {
  const tuner = new Tuner(1);
  let used = tuner.variant;
  for (let at = 0; at < 30_000; at++) {
    const hasChanged = tuner.observe(fingerprint(Math.floor(at / 60) + ((at * 37) % 90)), 1, STORE);
    expect(hasChanged).toBe(tuner.variant !== used);
    used = tuner.variant;
  }
});
