import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { parseRouterFrame } from "@neson/protocol/messages";
import type { Standing } from "@neson/protocol/standing";
import { createRegistry } from "./registry.ts";
import { Standings } from "./standings.ts";
import { connectTerminal, NOW_MS } from "./testing.ts";

const TRACK = { checks: 0, failures: 0, score: 0, limit: 13.8, consequence: "none", reasons: [] };

function open(terminals = 1) {
  const clock = new FakeClock(NOW_MS);
  const registry = createRegistry();
  let paidBytes = 0;
  const earnings = async (): Promise<Pick<Standing, "earnings" | "refusals" | "totalPaidBytes">> => ({
    earnings: [{ day: "2026-11-22", paidBytes, refusedBytes: 0 }],
    refusals: [],
    totalPaidBytes: paidBytes,
  });
  const tracks = { of: async () => ({ corrupt: TRACK, unknown: TRACK, offline: TRACK }) };
  const standings = new Standings({ registry, meter: { earnings }, tracks, clock, log: silentLog });
  const all = Array.from({ length: terminals }, () => connectTerminal());
  for (const { terminal } of all) registry.add(terminal);
  const pay = (bytes: number) => {
    paidBytes += bytes;
    for (const { terminal } of all) standings.noteChanged(terminal.id);
  };
  return { standings, registry, clock, all, pay };
}

test("look() tells of a change at once, of the next not before thirty seconds, and nothing when nothing changed", async () => {
  const { standings, clock, all, pay } = open();
  const [{ terminal, sent }] = all as [(typeof all)[0]];
  await standings.tell(terminal);
  pay(10);
  await standings.look();
  await clock.advance(29_999);
  await standings.look();
  expect(sent.length).toBe(1);
  pay(10);
  await clock.advance(1);
  await standings.look();
  await clock.advance(60_000);
  await standings.look();
  const totals = sent.map((message) => parseRouterFrame(JSON.stringify(message)));
  expect(totals).toMatchObject([
    { type: "standing", totalPaidBytes: 0 },
    { type: "standing", totalPaidBytes: 20 },
  ]);
});

test("look() reads a bounded number of standings, and all of them in turn", async () => {
  const { standings, registry, all, pay } = open(120);
  pay(1);
  const told = () => all.filter(({ sent }) => sent.length > 0).length;
  const counts: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    await standings.look();
    counts.push(told());
  }
  expect(counts).toEqual([50, 100, 120]);
  pay(1);
  for (const { terminal } of all) registry.remove(terminal);
  await standings.look();
  expect(all.every(({ sent }) => sent.length === 1)).toBe(true);
});
