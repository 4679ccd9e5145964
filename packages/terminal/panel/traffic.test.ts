import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { Traffic } from "./traffic.ts";
import { RING_SECONDS } from "./traffic-ring.ts";

const START_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const DAY_MS = 86_400_000;

function open(startMs = START_MS, database = new Database(":memory:", { strict: true })) {
  const clock = new FakeClock(startMs);
  return { clock, database, traffic: new Traffic({ database, clock, log: silentLog }) };
}

test("Traffic gives each second what was counted in it", async () => {
  const { clock, traffic } = open();
  using _ = traffic;
  traffic.noteAnswer("memory", 1000);
  traffic.noteAnswer("disk", 500);
  traffic.noteAnswer("fill", 200);
  traffic.noteAnswer("refused", 10);
  await clock.advance(1000);
  traffic.noteBytes("disk", 7000);
  await clock.advance(1000);
  expect(traffic.recent()).toEqual({ answers: [3, 0], hits: [2, 0], bytes: [1710, 7000] });
  expect(traffic.totals().answers).toEqual({ memory: 1, disk: 1, fill: 1, "sent-back": 0, refused: 1 });
  expect(traffic.totals().bytes.disk).toBe(7500);
});

test("Traffic keeps ten minutes, the oldest second first", async () => {
  const { clock, traffic } = open();
  using _ = traffic;
  for (let second = 0; second < RING_SECONDS + 5; second++) {
    traffic.noteAnswer("memory", second);
    await clock.advance(1000);
  }
  const { bytes } = traffic.recent();
  expect(bytes).toHaveLength(RING_SECONDS);
  expect([bytes[0], bytes.at(-1)]).toEqual([5, RING_SECONDS + 4]);
});

test("Traffic shows a gap when the machine has slept, and none when its clock was set back", async () => {
  let nowMs = START_MS;
  const wake: (() => void)[] = [];
  const sleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      wake.push(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  const tick = async (ms: number) => {
    nowMs += ms;
    wake.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const database = new Database(":memory:", { strict: true });
  using traffic = new Traffic({ database, clock: { nowMs: () => nowMs, sleep }, log: silentLog });
  traffic.noteAnswer("memory", 1);
  await tick(1000);
  traffic.noteAnswer("memory", 2);
  await tick(4000);
  traffic.noteAnswer("memory", 3);
  await tick(-60_000);
  traffic.noteAnswer("memory", 4);
  await tick(1000);
  expect(traffic.recent().bytes).toEqual([1, 0, 0, 0, 2, 3, 4]);
});

test("Traffic counts by UTC day, over restarts", async () => {
  const first = open(Date.UTC(2026, 10, 22, 23, 59, 58));
  first.traffic.noteAnswer("memory", 100);
  await first.clock.advance(1000);
  first.traffic.noteAnswer("disk", 50);
  await first.clock.advance(4000);
  first.traffic.noteAnswer("disk", 1);
  first.traffic[Symbol.dispose]();

  const second = open(first.clock.nowMs() + 1000, first.database);
  using _ = second.traffic;
  second.traffic.noteAnswer("disk", 6);
  await second.clock.advance(1000);
  const days = second.traffic.days();
  expect(days.map(({ day }) => day)).toEqual(["2026-11-22", "2026-11-23"]);
  expect(days[0]?.bytes).toMatchObject({ memory: 100, disk: 0 });
  expect(days[1]?.bytes).toMatchObject({ memory: 0, disk: 57 });
  expect(days[1]?.answers.disk).toBe(3);
  expect(second.traffic.totals().answers.disk).toBe(1);
});

test("Traffic saves every ten seconds, so that a crash loses no more", async () => {
  const { clock, database, traffic } = open();
  using _ = traffic;
  traffic.noteAnswer("memory", 9);
  for (let second = 0; second < 10; second++) await clock.advance(1000);
  const row = database.query("SELECT day, outcome, answers, bytes FROM traffic_days").get();
  expect(row).toEqual({ day: "2026-11-22", outcome: "memory", answers: 1, bytes: 9 });
});

test("Traffic forgets days after ninety", async () => {
  const { traffic, database } = open(START_MS - 90 * DAY_MS);
  traffic.noteAnswer("memory", 1);
  traffic[Symbol.dispose]();
  const kept = open(START_MS - DAY_MS, database);
  using _ = kept.traffic;
  expect(kept.traffic.days()).toHaveLength(1);
  const later = open(START_MS, database);
  using __ = later.traffic;
  expect(later.traffic.days()).toEqual([]);
  expect(database.query("SELECT count(*) AS count FROM traffic_days").get()).toEqual({ count: 0 });
});

test("Traffic loses nothing while the index cannot be written", async () => {
  const { clock, database, traffic } = open();
  database.run("PRAGMA query_only = 1");
  traffic.noteAnswer("memory", 5);
  for (let second = 0; second < 21; second++) await clock.advance(1000);
  expect(traffic.days()[0]?.bytes.memory).toBe(5);
  database.run("PRAGMA query_only = 0");
  traffic[Symbol.dispose]();
  expect(database.query("SELECT bytes FROM traffic_days").get()).toEqual({ bytes: 5 });
});

test("Traffic starts on a disk that takes no writes, and adds what was there before once it does", async () => {
  const first = open();
  first.traffic.noteAnswer("disk", 40);
  first.traffic[Symbol.dispose]();
  first.database.run("PRAGMA query_only = 1");
  const { clock, database, traffic } = open(START_MS + 60_000, first.database);
  using _ = traffic;
  traffic.noteAnswer("disk", 2);
  await clock.advance(1000);
  expect(traffic.days()[0]?.bytes.disk).toBe(2);
  database.run("PRAGMA query_only = 0");
  for (let second = 0; second < 10; second++) await clock.advance(1000);
  expect(traffic.days()[0]?.bytes.disk).toBe(42);
  expect(database.query("SELECT answers, bytes FROM traffic_days").get()).toEqual({ answers: 2, bytes: 42 });
});
