import { expect, test } from "bun:test";
import { WTinyLfu } from "./w-tiny-lfu.ts";

const FIFTY = Array.from({ length: 50 }, (_, key) => key);

test("WTinyLfu admits what leaves its window only if it was asked for more often than the oldest on probation", () => {
  const policy = new WTinyLfu({ capacityBytes: 50, sizes: new Float64Array(60).fill(1) });
  const request = (...keys: number[]) => keys.map((key) => policy.request(key));
  request(...FIFTY);
  // 0 becomes protected. 50 pushes 49 out of the window: asked for once, as was 1, so 49 goes.
  expect(request(0, 50)).toEqual([true, false]);
  // 49 comes back and is asked for again; when 51 pushes it out of the window, it displaces 1.
  expect(request(49, 49, 51)).toEqual([false, true, false]);
  expect(request(49, 0, 1, 2)).toEqual([true, true, false, true]);
});

test("WTinyLfu lets a large object in only when it was asked for more often than all it displaces together", () => {
  const sizes = new Float64Array(60).fill(1);
  sizes[55] = 3;
  const policy = new WTinyLfu({ capacityBytes: 50, sizes });
  const request = (...keys: number[]) => keys.map((key) => policy.request(key));
  request(...FIFTY);
  expect(request(55, 55, 55, 55, 55)).toEqual([false, false, false, false, true]);
  expect(request(3, 0, 1, 2)).toEqual([true, false, false, false]);
  expect(policy.heldBytes).toBeLessThanOrEqual(50);
});
