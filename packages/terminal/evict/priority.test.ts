import { expect, test } from "bun:test";
import fc from "fast-check";
import { AgedFreq } from "./priority.ts";

/** Asks for an object and holds it. */
function bringIn(policy: AgedFreq, key: string, size = 1): void {
  policy.request(key, size);
  policy.add(key, size);
}

const key = fc.constantFrom(..."abcdefghijklmnop");
const step = fc.record({
  op: fc.constantFrom("request", "add", "remove", "evicted", "batch" as const),
  key,
  size: fc.integer({ min: 0, max: 50 }),
});

test("AgedFreq knows what is held, and its victims are held, distinct, allowed and enough", () => {
  const allowed = fc.array(key).map((keys) => new Set(keys));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), allowed, fc.integer({ min: 1, max: 200 }), (steps, may, bytes) => {
      const policy = new AgedFreq({ capacityBytes: 100 });
      const held = new Map<string, number>();
      for (const { op, key, size } of steps) {
        if (op === "request") policy.request(key, size);
        else if (op === "add") {
          policy.add(key, size);
          if (!held.has(key)) held.set(key, size);
        } else if (op === "batch") {
          for (const victim of policy.victims(size)) {
            policy.evicted(victim);
            held.delete(victim);
          }
        } else {
          policy[op](key);
          held.delete(key);
        }
        expect(policy.heldBytes).toBe([...held.values()].reduce((sum, size) => sum + size, 0));
        expect(policy.heldCount).toBe(held.size);
        expect(policy.ghostCount).toBeLessThanOrEqual(64);
      }
      const victims = policy.victims(bytes, (key) => may.has(key));
      expect(new Set(victims).size).toBe(victims.length);
      expect(victims.every((key) => held.has(key) && may.has(key))).toBe(true);
      const sizes = victims.map((key) => held.get(key) ?? 0);
      const freed = sizes.reduce((sum, size) => sum + size, 0);
      if (freed < bytes) expect(new Set(victims)).toEqual(new Set([...held.keys()].filter((key) => may.has(key))));
      else expect(freed - (sizes.at(-1) ?? 0)).toBeLessThan(bytes);
      expect(policy.victims(bytes, (key) => may.has(key))).toEqual(victims);
    }),
  );
});

test("victims() names what was asked for least first, and the larger of two asked for as often", () => {
  const policy = new AgedFreq({ capacityBytes: 1000 });
  for (const [key, size] of [
    ["often", 10],
    ["small", 10],
    ["large", 40],
  ] as const)
    bringIn(policy, key, size);
  for (let i = 0; i < 5; i++) for (const key of ["often", "often", "small", "large"]) policy.request(key, 10);
  expect(policy.victims(1000)).toEqual(["large", "small", "often"]);
  expect(policy.victims(1)).toEqual(["large"]);
  expect(policy.victims(45)).toEqual(["large", "small"]);
  expect(policy.victims(1, (key) => key !== "large")).toEqual(["small"]);
});

test("victims() leaves everything as it was when mayGo throws", () => {
  const policy = new AgedFreq({ capacityBytes: 10 });
  for (const key of ["a", "b", "c"]) bringIn(policy, key);
  const before = policy.victims(3);
  expect(() =>
    policy.victims(3, (key) => {
      if (key === before[1]) throw new Error("asked too much");
      return true;
    }),
  ).toThrow("asked too much");
  expect(policy.victims(3)).toEqual(before);
});

test("evicted() keeps how often an object was asked for, remove() does not", () => {
  const policy = new AgedFreq({ capacityBytes: 10 });
  for (const key of ["evicted", "removed"]) {
    bringIn(policy, key);
    for (let i = 0; i < 9; i++) policy.request(key, 1);
  }
  policy.evicted("evicted");
  policy.remove("removed");
  bringIn(policy, "evicted");
  bringIn(policy, "removed");
  expect(policy.stateOf("evicted")?.frequency).toBeGreaterThan(10);
  expect(policy.stateOf("removed")?.frequency).toBe(1);
  expect(policy.victims(1)).toEqual(["removed"]);
});

test("requests count before an object is held, and age", () => {
  const policy = new AgedFreq({ capacityBytes: 10 });
  for (let i = 0; i < 4; i++) policy.request("wanted", 1);
  bringIn(policy, "once");
  policy.add("wanted", 1);
  expect(policy.stateOf("wanted")?.frequency).toBeCloseTo(4, 1);
  // The half-life is 128 requests per object held, at least 1024.
  for (let i = 0; i < 1024; i++) policy.request("once", 1);
  policy.request("wanted", 1);
  expect(policy.stateOf("wanted")?.frequency).toBeCloseTo(4 / 2 + 1, 1);
});

test("an object that a Router placed counts as asked for once, one that a request brought in as less", () => {
  const policy = new AgedFreq({ capacityBytes: 10 });
  policy.add("placed", 1);
  bringIn(policy, "asked");
  expect(policy.victims(2)).toEqual(["asked", "placed"]);
});

test("admits() refuses what is worth less than all it would push out", () => {
  const policy = new AgedFreq({ capacityBytes: 10 });
  for (let i = 0; i < 10; i++) bringIn(policy, `old-${i}`);
  for (let i = 0; i < 30; i++) policy.request(`old-${i % 10}`, 1);
  policy.request("new", 1);
  expect(policy.admits("new", 1)).toBe(false);
  for (let i = 0; i < 9; i++) policy.request("new", 1);
  expect(policy.admits("new", 1)).toBe(true);
  expect(policy.admits("new", 11)).toBe(false);
  policy.setCapacity(11);
  policy.request("first", 1);
  expect(policy.admits("first", 1)).toBe(true);
});

test("ghosts stay bounded by four per object held", () => {
  const policy = new AgedFreq<number>({ capacityBytes: 100 });
  for (let key = 0; key < 20_000; key++) {
    policy.request(key, 1);
    policy.add(key, 1);
    for (const victim of policy.victims(policy.heldBytes - 100)) policy.evicted(victim);
    expect(policy.heldBytes).toBeLessThanOrEqual(100);
    expect(policy.ghostCount).toBeLessThanOrEqual(404);
  }
});

test("restore() brings back order and counts exactly, in whatever order it is called", () => {
  const requests = fc.array(key, { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(requests, (keys) => {
      const before = new AgedFreq({ capacityBytes: 8 });
      for (const key of keys) {
        const isHeld = before.has(key);
        before.request(key, 1);
        if (isHeld) continue;
        before.add(key, 1);
        for (const victim of before.victims(before.heldBytes - 8)) before.evicted(victim);
      }
      const after = new AgedFreq({ capacityBytes: 8 });
      const held = before.victims(8).reverse();
      for (const key of held) {
        const state = before.stateOf(key);
        if (state !== undefined) after.restore(key, 1, JSON.parse(JSON.stringify(state)));
      }
      expect(after.victims(8)).toEqual(before.victims(8));
      for (const key of held) expect(after.stateOf(key)).toEqual(before.stateOf(key));
    }),
  );
});

test("after a restart a newcomer stands above what is about to go, as it did before", () => {
  const policy = new AgedFreq({ capacityBytes: 3 });
  policy.restore("old", 1, { frequency: 3, lastRequest: 900, priority: 50 });
  policy.restore("older", 1, { frequency: 2, lastRequest: 800, priority: 40 });
  bringIn(policy, "new");
  expect(policy.victims(3)).toEqual(["older", "new", "old"]);
});
