import { expect, test } from "bun:test";
import fc from "fast-check";
import { contenders } from "../contenders.ts";
import { syntheticLogs } from "../testing/synthetic-logs.ts";
import { nextUses } from "./belady.ts";

test("every policy holds at most its capacity, whatever is asked for", () => {
  const log = fc.array(fc.nat(11), { minLength: 1, maxLength: 200 });
  const allSizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(log, allSizes, fc.integer({ min: 1, max: 30 }), (requests, sizeList, capacityBytes) => {
      const keys = new Int32Array(requests);
      const sizes = new Float64Array(sizeList);
      for (const { name, build } of contenders) {
        const policy = build({ capacityBytes, sizes }, nextUses(keys, sizes.length));
        const seen = new Set<number>();
        for (const key of keys) {
          const isHit = policy.request(key);
          if (policy.heldBytes > capacityBytes) throw new Error(`${name} holds ${policy.heldBytes}`);
          if (isHit && !seen.has(key)) throw new Error(`${name} has a hit before the first request`);
          seen.add(key);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("AgedFreq has more hits than every other on-line policy, on the mean of logs of all kinds, at 1 % and 10 %", () => {
  const logs = syntheticLogs(40_000);
  for (const share of [0.01, 0.1]) {
    const means = new Map<string, number>();
    for (const { keys, sizes } of logs) {
      const capacityBytes = Math.floor(sizes.reduce((sum, size) => sum + size, 0) * share);
      for (const { name, isOnline, build } of contenders) {
        if (!isOnline) continue;
        const policy = build({ capacityBytes, sizes }, new Float64Array(0));
        let hits = 0;
        for (const key of keys) if (policy.request(key)) hits++;
        means.set(name, (means.get(name) ?? 0) + hits / keys.length / logs.length);
      }
    }
    const [best, second] = [...means].filter(([name]) => !name.includes("95")).sort((a, b) => b[1] - a[1]);
    expect(best?.[0]).toBe("AgedFreq");
    expect((best?.[1] ?? 0) - (second?.[1] ?? 1)).toBeGreaterThan(0.01);
  }
}, 30_000);
