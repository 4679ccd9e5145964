import { expect, test } from "bun:test";
import { Outbox } from "./outbox.ts";

test("Outbox gives its notices in order, each until it was sent", async () => {
  const outbox = new Outbox();
  const { signal } = new AbortController();
  outbox.add({ type: "forgotten", site: "a" });
  outbox.add({ type: "forgotten", site: "b" });
  const first = await outbox.next(signal);
  expect(await outbox.next(signal)).toBe(first);
  if (first !== undefined) outbox.sent(first);
  expect((await outbox.next(signal))?.notice).toEqual({ type: "forgotten", site: "b" });
});

test("Outbox waits for the next notice, and gives up when it is told to", async () => {
  const outbox = new Outbox();
  const stop = new AbortController();
  const waiting = outbox.next(stop.signal);
  outbox.add({ type: "forgotten", site: "a" });
  const found = await waiting;
  expect(found?.notice).toEqual({ type: "forgotten", site: "a" });
  if (found !== undefined) outbox.sent(found);
  const waitingMore = outbox.next(stop.signal);
  stop.abort();
  expect(await waitingMore).toBeUndefined();
});

test("Outbox makes one resync of more than it may keep, and what was under way does not take that away", async () => {
  const outbox = new Outbox();
  const { signal } = new AbortController();
  outbox.add({ type: "forgotten", site: "a" });
  const underWay = await outbox.next(signal);
  for (let i = 0; i < 20_000; i++) outbox.add({ type: "forgotten", site: "b" });
  expect(outbox.size).toBe(1);
  if (underWay !== undefined) outbox.sent(underWay);
  expect((await outbox.next(signal))?.notice).toEqual({ type: "resync" });
  const long = "x".repeat(60_000);
  for (let i = 0; i < 300; i++) outbox.add({ type: "keys", keys: [["shop", long, false]] });
  expect(outbox.size).toBeLessThan(300);
});
