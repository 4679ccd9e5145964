import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { RouterTime } from "./router-time.ts";

const MINUTE_MS = 60_000;

test("RouterTime is this machine's time until a Router says another, and while the two agree", async () => {
  const clock = new FakeClock();
  const time = new RouterTime(clock);
  expect(time.nowMs()).toBe(clock.nowMs());
  expect(time.offsetMs).toBeUndefined();
  time.hear(clock.nowMs() - 1500);
  expect(time.nowMs()).toBe(clock.nowMs());
  expect(time.offsetMs).toBe(1500);
});

test("RouterTime goes by the Router where this machine's clock is far off, ahead or behind", async () => {
  for (const offsetMs of [10 * MINUTE_MS, -10 * MINUTE_MS]) {
    const clock = new FakeClock();
    const time = new RouterTime(clock);
    const routerMs = clock.nowMs() - offsetMs;
    time.hear(routerMs);
    expect(time.nowMs()).toBe(routerMs);
    expect(time.offsetMs).toBe(offsetMs);
    await clock.advance(MINUTE_MS);
    expect(time.nowMs()).toBe(routerMs + MINUTE_MS);
    // A late message is no reason to go back in time.
    time.hear(routerMs + MINUTE_MS - 900);
    expect(time.nowMs()).toBe(routerMs + MINUTE_MS);
  }
});

test("RouterTime goes by this machine's clock again once that has been set right", () => {
  let nowMs = 1_700_000_600_000;
  const time = new RouterTime({ nowMs: () => nowMs, sleep: async () => {} });
  time.hear(1_700_000_000_000);
  nowMs = 1_700_000_001_000;
  time.hear(1_700_000_001_000);
  expect(time.nowMs()).toBe(nowMs);
  expect(time.offsetMs).toBe(0);
});
