import { expect, test } from "bun:test";
import fc from "fast-check";
import { RateLimiter } from "./rate-limiter.ts";

test("take() gives a burst at once and then one for each interval", () => {
  const limiter = new RateLimiter({ maxBuckets: 10 });
  const take = (nowMs: number) => limiter.take("a", { intervalMs: 100, burst: 3 }, nowMs);
  expect([take(0), take(0), take(0)]).toEqual([0, 0, 0]);
  expect([take(0), take(40)]).toEqual([100, 60]);
  expect([take(100), take(100)]).toEqual([0, 100]);
  expect([take(10_000), take(10_000), take(10_000), take(10_000)]).toEqual([0, 0, 0, 100]);
});

test("take() keeps nobody out for longer than a bucket when the clock is set back", () => {
  const limiter = new RateLimiter({ maxBuckets: 10 });
  const rate = { intervalMs: 100, burst: 1 };
  expect(limiter.take("a", rate, 1_000_000)).toBe(0);
  expect(limiter.take("a", rate, 5)).toBe(0);
});

test("take() never lets through more than the burst and the rate allow, nor less than the rate", () => {
  fc.assert(
    fc.property(
      fc.record({ intervalMs: fc.integer({ min: 1, max: 1000 }), burst: fc.integer({ min: 1, max: 20 }) }),
      fc.array(fc.nat(400), { minLength: 1, maxLength: 200 }),
      (rate, gaps) => {
        const limiter = new RateLimiter({ maxBuckets: 4 });
        let nowMs = 0;
        let passed = 0;
        for (const gapMs of gaps) {
          nowMs += gapMs;
          const waitMs = limiter.take("a", rate, nowMs);
          if (waitMs === 0) passed += 1;
          else {
            expect(waitMs).toBeLessThanOrEqual(rate.intervalMs);
            // What it says is true: that much later there is one.
            const copy = new RateLimiter({ maxBuckets: 4 });
            for (let i = 0; i < rate.burst; i++) copy.take("a", rate, 0);
            expect(copy.take("a", rate, copy.take("a", rate, 0))).toBe(0);
          }
        }
        expect(passed).toBeLessThanOrEqual(rate.burst + nowMs / rate.intervalMs + 1);
      },
    ),
  );
});

test("take() stays within its memory, and keeps those who go on asking", () => {
  const limiter = new RateLimiter({ maxBuckets: 1000 });
  const rate = { intervalMs: 1_000_000, burst: 1 };
  limiter.take("busy", rate, 0);
  for (let i = 0; i < 10_000; i++) {
    limiter.take(`stranger ${i}`, rate, 0);
    if (i % 100 === 0) expect(limiter.take("busy", rate, 0)).toBeGreaterThan(0);
    expect(limiter.size).toBeLessThanOrEqual(1001);
  }
});
