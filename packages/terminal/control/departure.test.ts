import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { Departure } from "./departure.ts";

function start() {
  const clock = new FakeClock();
  const state = { openTransfers: 1, unsettled: 2, isOpen: true, announced: 0, ticks: 0 };
  const departure = new Departure({
    announce: async () => {
      state.announced++;
    },
    openTransfers: () => state.openTransfers,
    claims: { tick: () => state.ticks++ },
    ledger: {
      get unsettledCount() {
        return state.unsettled;
      },
    },
    routers: {
      get isOpen() {
        return state.isOpen;
      },
    },
    clock,
    log: silentLog,
  });
  let isDone = false;
  void departure.done.then(() => {
    isDone = true;
  });
  return { clock, state, departure, isDone: () => isDone };
}

test("Departure waits for open transfers, then for the last claims, and leaves once however often it is asked to", async () => {
  const { clock, state, departure, isDone } = start();
  const asked = [departure.leave(), departure.leave()];
  await clock.advance(60_000);
  expect([state.announced, state.ticks, isDone()]).toEqual([1, 0, false]);
  state.openTransfers = 0;
  await clock.advance(200);
  expect([state.ticks, isDone()]).toEqual([1, false]);
  state.unsettled = 0;
  await clock.advance(200);
  await Promise.all(asked);
  expect(isDone()).toBe(true);
});

test("Departure does not wait for a Router that is gone, nor for ever for a client that stays", async () => {
  const { clock, state, departure, isDone } = start();
  void departure.leave();
  for (let minute = 0; minute < 11; minute++) await clock.advance(60_000);
  expect([state.ticks, isDone()]).toEqual([1, false]);
  state.isOpen = false;
  for (let i = 0; i < 3; i++) await clock.advance(200);
  expect(isDone()).toBe(true);
});
