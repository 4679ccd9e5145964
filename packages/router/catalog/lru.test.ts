import { expect, test } from "bun:test";
import fc from "fast-check";
import { Lru } from "./lru.ts";

test("Lru drops what was not read since it was last passed over", () => {
  const lru = new Lru<number>(3);
  for (const [i, key] of ["a", "b", "c"].entries()) lru.set(key, i, 1);
  expect(lru.get("a")).toBe(0);
  lru.set("d", 3, 1);
  expect(lru.get("b")).toBeUndefined();
  expect(["a", "c", "d"].map((key) => lru.get(key))).toEqual([0, 2, 3]);
});

test("Lru refuses an item that alone exceeds the bound, and forgets the former one", () => {
  const lru = new Lru<string>(10);
  lru.set("a", "small", 5);
  lru.set("a", "large", 11);
  expect(lru.get("a")).toBeUndefined();
  expect(lru.cost).toBe(0);
});

test("Lru never exceeds its bound and its cost is that of its items", () => {
  const step = fc.record({ key: fc.constantFrom("a", "b", "c", "d", "e"), cost: fc.nat(12), op: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lru = new Lru<number>(20);
      for (const { key, cost, op } of steps) {
        if (op === 0) lru.set(key, cost, cost);
        else if (op === 1) lru.get(key);
        else lru.delete(key);
        expect(lru.cost).toBeLessThanOrEqual(20);
      }
      const held = ["a", "b", "c", "d", "e"].map((key) => lru.get(key) ?? 0);
      expect(lru.cost).toBe(held.reduce((sum, cost) => sum + cost, 0));
    }),
  );
});

test("Lru that is full takes the next item as fast as before", () => {
  const timeOf = (from: number, to: number) => {
    const startMs = performance.now();
    for (let i = from; i < to; i++) lru.set(`${i}`, i, 1);
    return performance.now() - startMs;
  };
  const lru = new Lru<number>(100_000);
  timeOf(0, 100_000);
  // Some 50 ms. It was 20 s when each drop looked for the oldest item from the front.
  expect(timeOf(100_000, 300_000)).toBeLessThan(5000);
  expect(lru.size).toBe(100_000);
});
