import { expect, test } from "bun:test";
import { mostHits } from "./bound.ts";
import { Belady, nextUses } from "./policies/belady.ts";
import { syntheticLogs } from "./testing/synthetic-logs.ts";

test("mostHits() takes the cheapest hits until capacity times requests is spent", () => {
  const keys = new Int32Array([0, 1, 1, 0]);
  // 1 costs 2 × 1, 0 costs 1 × 3: both fit in 2 × 4, only the first in 0.9 × 4, in 0.4 × 4 neither.
  const sizes = new Float64Array([1, 2]);
  expect(mostHits(keys, sizes, 2)).toBe(2);
  expect(mostHits(keys, new Float64Array([1, 0.5]), 0.9)).toBe(1);
  expect(mostHits(keys, sizes, 0.4)).toBe(0);
});

test("mostHits() is never below what Belady gets", () => {
  for (const { keys, sizes } of syntheticLogs(5000)) {
    const capacityBytes = sizes.reduce((sum, size) => sum + size, 0) / 20;
    const belady = new Belady({ capacityBytes, sizes }, nextUses(keys, sizes.length));
    const hits = keys.filter((key) => belady.request(key)).length;
    expect(mostHits(keys, sizes, capacityBytes)).toBeGreaterThanOrEqual(hits);
  }
});
