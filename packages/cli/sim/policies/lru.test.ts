import { expect, test } from "bun:test";
import { Lru } from "./lru.ts";

test("Lru evicts what was not asked for the longest", () => {
  const lru = new Lru({ capacityBytes: 2, sizes: new Float64Array([1, 1, 1]) });
  // 2 pushes out 1, because 0 was asked for again; then 1 pushes out 0, and 0 pushes out 2.
  expect([0, 1, 0, 2, 1, 0].map((key) => lru.request(key))).toEqual([false, false, true, false, false, false]);
});

test("Lru evicts as many objects as a larger one needs, and never holds what exceeds it", () => {
  const lru = new Lru({ capacityBytes: 4, sizes: new Float64Array([1, 2, 1, 3, 5]) });
  expect([0, 1, 2, 3].map((key) => lru.request(key))).toEqual([false, false, false, false]);
  expect(lru.heldBytes).toBe(4);
  expect([2, 3, 4, 3].map((key) => lru.request(key))).toEqual([true, true, false, true]);
});
