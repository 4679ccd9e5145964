import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { ConnectedTerminal } from "./connected-terminal.ts";
import { refusal } from "./handshake.ts";
import { Reach } from "./reach.ts";

/** Terminals of which those in `mute` give no answer, and a second that passes with a look at its end. */
function watch(count: number) {
  const clock = new FakeClock();
  const terminals = Array.from({ length: count }, (_none, index) => {
    const endpoint = `http://t${index}.test`;
    const id = String(index).padStart(64, "0");
    return new ConnectedTerminal({ id, endpoint, nowMs: clock.nowMs(), capacityBytesPerSecond: 1, send: () => {} });
  });
  const mute = new Set<string>();
  const calls: string[] = [];
  const lost: string[] = [];
  const reach = new Reach({
    registry: { all: () => terminals },
    dialBack: async ({ endpoint }) => {
      calls.push(endpoint);
      return mute.has(endpoint) ? refusal("unreachable-endpoint", "no answer") : undefined;
    },
    onLost: ({ endpoint }, reason) => lost.push(`${endpoint}: ${reason}`),
    clock,
    log: silentLog,
  });
  const seconds = async (wanted: number) => {
    for (let second = 0; second < wanted; second += 1) {
      await clock.advance(1000);
      reach.look();
      await clock.advance(0);
    }
  };
  const [first] = terminals;
  if (first === undefined) throw new Error("expected a Terminal");
  return { clock, terminals, first, mute, calls, lost, seconds };
}

test("look() calls nobody whom no viewer was sent to, or who claims what it sends", async () => {
  const { clock, first, calls, seconds } = watch(3);
  await seconds(30);
  first.awaitedSinceMs = clock.nowMs();
  await seconds(2);
  first.awaitedSinceMs = undefined;
  await seconds(30);
  expect(calls).toEqual([]);
});

test("look() calls a Terminal that claims nothing, and leaves it in peace for a while if it answers", async () => {
  const { clock, first, calls, lost, seconds } = watch(3);
  first.awaitedSinceMs = clock.nowMs();
  await seconds(3);
  expect(calls).toEqual([first.endpoint]);
  expect(first.awaitedSinceMs).toBeUndefined();
  first.awaitedSinceMs = clock.nowMs();
  await seconds(9);
  expect(calls).toHaveLength(1);
  await seconds(1);
  expect(calls).toHaveLength(2);
  expect(first.isUnreachable).toBe(false);
  expect(lost).toEqual([]);
});

test("look() finds a Terminal that gives no answer twice, calls it less and less, and notices when it answers", async () => {
  const { clock, first, mute, calls, lost, seconds } = watch(1);
  mute.add(first.endpoint);
  first.awaitedSinceMs = clock.nowMs();
  await seconds(2);
  expect(first.isUnreachable).toBe(false);
  await seconds(1);
  expect(calls).toHaveLength(2);
  expect(first.isUnreachable).toBe(true);
  expect(lost).toEqual([`${first.endpoint}: no answer`]);
  await seconds(14);
  expect(calls).toHaveLength(5);
  await seconds(600);
  expect(calls.length).toBeLessThan(20);
  expect(lost).toHaveLength(1);
  mute.delete(first.endpoint);
  await seconds(60);
  expect(first.isUnreachable).toBe(false);
});

test("look() calls fifty at once, and goes on with the others at the next look", async () => {
  const { clock, terminals, calls, seconds } = watch(120);
  for (const terminal of terminals) terminal.awaitedSinceMs = clock.nowMs() - 3000;
  for (const expected of [50, 100, 120]) {
    await seconds(1);
    expect(new Set(calls).size).toBe(expected);
    expect(calls).toHaveLength(expected);
  }
});

test("look() blames its own line when more than half of many Terminals give no answer", async () => {
  const { clock, terminals, mute, seconds } = watch(5);
  const blamed = () => terminals.filter(({ isUnreachable }) => isUnreachable).length;
  for (const terminal of terminals.slice(0, 3)) mute.add(terminal.endpoint);
  for (const terminal of terminals.slice(0, 2)) terminal.awaitedSinceMs = clock.nowMs();
  await seconds(3);
  expect(blamed()).toBe(2);
  for (const terminal of terminals.slice(2, 3)) terminal.awaitedSinceMs = clock.nowMs();
  await seconds(3);
  expect(blamed()).toBe(0);
  mute.clear();
  await seconds(60);
  expect(blamed()).toBe(0);
});
