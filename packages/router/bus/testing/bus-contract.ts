// What every bus must do, for tests.
import { expect } from "bun:test";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import type { Bus } from "../bus.ts";
import type { Notice, Signal } from "../message.ts";

/** What buses of tests are made with. */
export const BUS_DEPS = { clock: systemClock, log: silentLog, random: Math.random };

/** A member that writes down what it hears. */
export interface Listener extends AsyncDisposable {
  bus: Bus;
  notices: { notice: Notice; from: string }[];
  signals: { signal: Signal; from: string }[];
  resyncs: string[];
  /** Set to have the next notice fail. */
  failNext: boolean;
}

/** Starts a bus and writes down what it hears. */
export function listen(bus: Bus): Listener {
  const listener: Listener = {
    ...{ bus, notices: [], signals: [], resyncs: [], failNext: false },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
  bus.start({
    notice: async (notice, from) => {
      if (listener.failNext) {
        listener.failNext = false;
        throw new Error("asked to fail");
      }
      listener.notices.push({ notice, from });
    },
    signal: (signal, from) => listener.signals.push({ signal, from }),
    resync: async (why) => {
      listener.resyncs.push(why);
    },
  });
  return listener;
}

/** Waits until it holds. */
export async function until(what: string, holds: () => boolean, deadlineMs = 10_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await Bun.sleep(5);
  }
}

/** A notice that can be told from others. */
export function numbered(number: number): Notice {
  return { type: "sites", names: [`site-${number}`] };
}

/** The numbers of the notices that were heard. */
export function numbersOf(listener: Listener): number[] {
  return listener.notices.flatMap(({ notice }) => (notice.type === "sites" ? [Number(notice.names[0]?.slice(5))] : []));
}

/** Two that hear each other, in order, and not themselves. */
export async function checkDelivery(join: (routerId: string) => Bus): Promise<void> {
  await using a = listen(join("aaaaaaaaaaaaaaaa"));
  await using b = listen(join("bbbbbbbbbbbbbbbb"));
  await until("both to have started", () => a.resyncs.length === 1 && b.resyncs.length === 1);
  for (let number = 0; number < 300; number++) a.bus.publish(numbered(number));
  b.bus.publish(numbered(1000));
  await until("all notices", () => b.notices.length === 300 && a.notices.length === 1);
  expect(numbersOf(b)).toEqual(Array.from({ length: 300 }, (_, number) => number));
  expect(a.notices).toEqual([{ notice: numbered(1000), from: "bbbbbbbbbbbbbbbb" }]);
  const beat: Signal = { type: "beat", controlUrl: "http://127.0.0.1:8081", terminals: 3 };
  a.bus.signal(beat);
  await until("the signal", () => b.signals.length === 1);
  expect([b.signals, a.signals]).toEqual([[{ signal: beat, from: "aaaaaaaaaaaaaaaa" }], []]);
}

/** A notice that cannot be acted on is made good by a resync, and so is a Router that could not say all. */
export async function checkFailures(join: (routerId: string) => Bus): Promise<void> {
  await using a = listen(join("aaaaaaaaaaaaaaaa"));
  await using b = listen(join("bbbbbbbbbbbbbbbb"));
  await until("both to have started", () => a.resyncs.length === 1 && b.resyncs.length === 1);
  b.failNext = true;
  a.bus.publish(numbered(1));
  a.bus.publish(numbered(2));
  a.bus.publish({ type: "resync" });
  a.bus.publish(numbered(3));
  await until("the last notice", () => b.notices.length === 2);
  expect(numbersOf(b)).toEqual([2, 3]);
  expect(b.resyncs.length).toBe(3);
}

/** One that left hears nothing more, and one that comes hears nothing of before, but is told to read everything. */
export async function checkComingAndGoing(join: (routerId: string) => Bus): Promise<void> {
  await using a = listen(join("aaaaaaaaaaaaaaaa"));
  await until("it to have started", () => a.resyncs.length === 1);
  a.bus.publish(numbered(1));
  const b = listen(join("bbbbbbbbbbbbbbbb"));
  await until("the other to have started", () => b.resyncs.length === 1);
  a.bus.publish(numbered(2));
  await until("the notice", () => numbersOf(b).includes(2));
  await b[Symbol.asyncDispose]();
  a.bus.publish(numbered(3));
  await using c = listen(join("cccccccccccccccc"));
  await until("the third to have started", () => c.resyncs.length === 1);
  a.bus.publish(numbered(4));
  await until("the notice", () => numbersOf(c).includes(4));
  expect(numbersOf(b)).not.toContain(3);
}
