import { expect, test } from "bun:test";
import { compare } from "./compare.ts";
import { scoreTable } from "./score-table.ts";
import { TraceBuilder } from "./trace.ts";

/** Each call is 1 ms later. */
function ticking(): () => number {
  let ms = 0;
  return () => ms++;
}

function trace(sizeOf?: (key: number) => number) {
  const builder = new TraceBuilder("log");
  for (let i = 0; i < 1000; i++) {
    const key = i % 2 === 0 ? i % 10 : i;
    builder.add(key, sizeOf?.(key));
  }
  return builder.finish();
}

test("compare() replays every policy at every size and sets it beside the bound", () => {
  const steps: string[] = [];
  const log = trace();
  const all = compare(log, [0.01, 0.5], {
    nowMs: ticking(),
    onStep: (policy, share) => steps.push(`${policy} ${share}`),
  });
  expect(all.map(({ share, capacityBytes }) => [share, capacityBytes])).toEqual([
    [0.01, 5],
    [0.5, 252],
  ]);
  expect(steps).toHaveLength(16);
  expect(steps.slice(0, 2)).toEqual(["LRU 0.01", "SIEVE 0.01"]);
  for (const { boundHitRatio, scores } of all) {
    const belady = scores.find((score) => score.policy === "Belady");
    expect(belady).toMatchObject({ isOnline: false, objectHitRatio: boundHitRatio, shareOfBound: 1 });
    for (const score of scores) {
      expect(score.objectHitRatio).toBeLessThanOrEqual(boundHitRatio);
      expect(score.byteHitRatio).toBeCloseTo(score.objectHitRatio);
      expect(score.microsecondsPerRequest).toBe(1);
    }
  }
  // Five even keys come again and again; five objects fit in the larger cache, and more.
  expect(all[1]?.boundHitRatio).toBe(0.495);
});

test("compare() counts bytes and bounds by PFOO-U when objects have sizes", () => {
  const [comparison] = compare(
    trace((key) => (key % 2 === 0 ? 100 : 1)),
    [1],
    { nowMs: ticking() },
  );
  for (const { objectHitRatio, byteHitRatio } of comparison?.scores.filter(({ policy }) => policy === "LRU") ?? []) {
    expect(objectHitRatio).toBe(0.495);
    expect(byteHitRatio).toBeCloseTo(49_500 / 50_500);
  }
  expect(comparison?.boundHitRatio).toBeGreaterThanOrEqual(0.495);
});

test("scoreTable() aligns its columns and marks the best policy that can be built", () => {
  const log = trace();
  const lines = scoreTable("a.trace", log, compare(log, [0.01], { nowMs: ticking() }));
  expect(lines[0]).toBe("a.trace: 1,000 requests for 505 objects, no sizes: each object counts as 1");
  expect(lines[3]).toBe("cache 1 %           object hits     of bound   µs/request   (5 objects)");
  const rows = lines.slice(5, 13);
  expect(rows.map((row) => row.slice(0, 18).trimEnd())).toEqual([
    "LRU",
    "SIEVE",
    "S3-FIFO",
    "W-TinyLFU",
    "GDSF",
    "AgedFreq",
    "AgedFreq 95→90%",
    "Belady (off-line)",
  ]);
  expect(new Set(rows.map((row) => row.replace(" ◀ best", "").length))).toEqual(new Set([57]));
  expect(rows.filter((row) => row.endsWith("◀ best")).length).toBeGreaterThan(0);
  expect(rows.at(-1)).not.toContain("best");
});

test("scoreTable() has a column of byte hits when there are sizes", () => {
  const log = trace((key) => key + 1000);
  const lines = scoreTable("a.txt", log, compare(log, [0.1], { nowMs: ticking() }));
  expect(lines[0]).toContain("KiB in all");
  expect(lines[1]).toContain("PFOO-U");
  expect(lines[3]).toMatch(/object hits +byte hits +of bound +µs\/request {3}\(.* KiB\)$/);
});
