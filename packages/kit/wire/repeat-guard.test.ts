import { expect, test } from "bun:test";
import { REPEAT_LIMITS, RepeatGuard } from "./repeat-guard.ts";

const LIMITS = { freeRequests: 3, intervalMs: 1000, maxHoldMs: 2000 };

test("judge() lets a few requests for one thing pass, then holds each back longer, then refuses", () => {
  const guard = new RepeatGuard(LIMITS, 7);
  const verdicts = Array.from({ length: 8 }, () => guard.judge("192.0.2.1", "ticket 0-", 5000));
  expect(verdicts).toEqual([
    { holdMs: 0 },
    { holdMs: 0 },
    { holdMs: 0 },
    { holdMs: 1000 },
    { holdMs: 2000 },
    { retryAfterSeconds: 3 },
    { retryAfterSeconds: 3 },
    { retryAfterSeconds: 3 },
  ]);
});

test("judge() forgets as time goes by", () => {
  const guard = new RepeatGuard(LIMITS, 7);
  for (let i = 0; i < 6; i++) guard.judge("192.0.2.1", "a", 0);
  expect(guard.judge("192.0.2.1", "a", 1000)).toEqual({ holdMs: 2000 });
  expect(guard.judge("192.0.2.1", "a", 1000)).toEqual({ retryAfterSeconds: 3 });
  expect(guard.judge("192.0.2.1", "a", 60_000)).toEqual({ holdMs: 0 });
});

test("judge() never slows down one request an interval, however long it goes on", () => {
  const guard = new RepeatGuard(LIMITS, 7);
  for (let i = 0; i < 1000; i++) expect(guard.judge("192.0.2.1", "a", i * 1000)).toEqual({ holdMs: 0 });
});

test("judge() tells addresses and things apart", () => {
  const guard = new RepeatGuard(LIMITS, 7);
  for (let i = 0; i < 20; i++) guard.judge("192.0.2.1", "a", 0);
  expect(guard.judge("192.0.2.2", "a", 0)).toEqual({ holdMs: 0 });
  expect(guard.judge("192.0.2.1", "b", 0)).toEqual({ holdMs: 0 });
});

test("judge() lets 20,000 viewers pass who ask once a second each while one hammers", () => {
  const guard = new RepeatGuard(REPEAT_LIMITS, 7);
  let slowed = 0;
  let hammered = 0;
  for (let second = 0; second < 5; second++) {
    for (let viewer = 0; viewer < 20_000; viewer++) {
      const verdict = guard.judge(`viewer ${viewer}`, `piece ${second}`, second * 1000);
      if (!("holdMs" in verdict) || verdict.holdMs > 0) slowed++;
    }
    for (let i = 0; i < 100; i++)
      if ("retryAfterSeconds" in guard.judge("198.51.100.9", "one", second * 1000)) hammered++;
  }
  expect(slowed).toBe(0);
  expect(hammered).toBeGreaterThan(400);
});
