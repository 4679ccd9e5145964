import { expect, test } from "bun:test";
import { type Clock, systemClock } from "./clock.ts";
import { FakeClock } from "./fake-clock.ts";

const clocks: [string, () => Clock][] = [
  ["systemClock", () => systemClock],
  ["FakeClock", () => new FakeClock()],
];
for (const [name, make] of clocks) {
  test(`${name}.sleep() rejects with the signal's reason when aborted before or during the sleep`, async () => {
    const controller = new AbortController();
    const sleeping = make().sleep(60_000, controller.signal);
    controller.abort(new Error("enough"));
    expect(sleeping).rejects.toThrow("enough");
    expect(make().sleep(60_000, controller.signal)).rejects.toThrow("enough");
  });
}

test("systemClock.sleep() resolves after its time", async () => {
  const startMs = systemClock.nowMs();
  await systemClock.sleep(20, new AbortController().signal);
  expect(systemClock.nowMs() - startMs).toBeGreaterThanOrEqual(19);
});

test("FakeClock.advance() wakes sleepers in order, at their times, and runs what they do next", async () => {
  const clock = new FakeClock(1000);
  const events: string[] = [];
  const sleeper = async (name: string, ms: number, again = 0) => {
    await clock.sleep(ms);
    events.push(`${name}@${clock.nowMs()}`);
    if (again > 0) await sleeper(name, again);
  };
  const all = [sleeper("late", 50), sleeper("early", 10, 15), sleeper("never", 500)];
  expect(clock.sleeping).toBe(3);
  await clock.advance(100);
  expect(events).toEqual(["early@1010", "early@1025", "late@1050"]);
  expect(clock.nowMs()).toBe(1100);
  expect(clock.sleeping).toBe(1);
  await clock.advance(400);
  await Promise.all(all);
});
