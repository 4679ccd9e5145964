import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { Holdings } from "./holdings.ts";
import { PurgeOrders } from "./purge-orders.ts";
import { connectTerminal, NOW_MS, type TestTerminal } from "./testing.ts";

const [X, Y] = ["ab".repeat(32), "cd".repeat(32)] as [string, string];
const HEADERS_ID = "12".repeat(8);

/** A Terminal whose index is known to be what the list says. */
function holding(...objectIds: string[]): TestTerminal {
  const connected = connectTerminal();
  for (const objectId of objectIds) connected.terminal.noteStored(objectId, HEADERS_ID);
  connected.terminal.compareIndex(digestOf(objectIds), NOW_MS);
  return connected;
}

function digestOf(objectIds: readonly string[]): string {
  const holdings = new Holdings();
  for (const objectId of objectIds) holdings.add(objectId, HEADERS_ID);
  return holdings.digest;
}

function orders(purgedLately: () => Promise<readonly string[]> = async () => []) {
  const clock = new FakeClock(NOW_MS);
  return { clock, purgeOrders: new PurgeOrders({ purgedLately, clock }) };
}

function toldOf({ sent }: TestTerminal): string[][] {
  return sent.flatMap((message) => (message.type === "purge" ? [message.objectIds] : []));
}

function confirm(purgeOrders: PurgeOrders, { sent, terminal }: TestTerminal): void {
  for (const message of sent) if (message.type === "purge") purgeOrders.answer(message.id, terminal);
}

test("tell() asks those that hold an object, are filling it, or have not said what they hold", async () => {
  const { purgeOrders } = orders();
  const [holder, other, filler, unknown] = [holding(X), holding(Y), holding(Y), connectTerminal()];
  filler.terminal.noteOrdered(X);
  const all = [holder, other, filler, unknown];
  const telling = purgeOrders.tell(
    all.map(({ terminal }) => terminal),
    [X],
    "why",
  );
  expect(all.map(toldOf)).toEqual([[[X]], [], [[X]], [[X]]]);
  expect(holder.terminal.holdsObject(X)).toBe(false);
  for (const one of all) confirm(purgeOrders, one);
  const told = [holder, filler, unknown].map(({ terminal }) => terminal.id);
  expect(await telling).toEqual({ told, unconfirmed: [], absent: [] });
  // What was filled meanwhile is none of its business any more.
  filler.terminal.noteOrdered(X);
  filler.terminal.noteFailed(X, NOW_MS);
  expect((await purgeOrders.tell([filler.terminal, other.terminal], [X], "why")).told).toEqual([]);
});

test("tell() says who kept silent and who left, and takes no answer from another", async () => {
  const { purgeOrders, clock } = orders();
  const [silent, left] = [holding(X), holding(X)];
  const telling = purgeOrders.tell([silent.terminal, left.terminal], [X], "why");
  for (const message of silent.sent) if (message.type === "purge") purgeOrders.answer(message.id, left.terminal);
  purgeOrders.left(left.terminal);
  await clock.advance(5000);
  const [a, b] = [silent.terminal.id, left.terminal.id];
  expect(await telling).toEqual({ told: [a, b], unconfirmed: [a], absent: [b] });
});

test("tell() sends many objects in orders of a thousand", async () => {
  const { purgeOrders } = orders();
  const terminal = connectTerminal();
  const many = Array.from({ length: 2500 }, (_, i) => i.toString(16).padStart(64, "0"));
  const telling = purgeOrders.tell([terminal.terminal], many, "why");
  confirm(purgeOrders, terminal);
  await telling;
  expect(toldOf(terminal).map(({ length }) => length)).toEqual([1000, 1000, 500]);
});

test("a Terminal that returns hears of what was purged before and while it was let in, each once", async () => {
  const lately = [[X], [Y, X]];
  const { purgeOrders } = orders(async () => lately.shift() ?? []);
  const returning = connectTerminal();
  const tellOfPurges = await purgeOrders.beforeWelcome();
  tellOfPurges(returning.terminal);
  // Before anything else has its turn.
  expect(toldOf(returning)).toEqual([[X]]);
  await Promise.resolve();
  await Promise.resolve();
  expect(toldOf(returning)).toEqual([[X], [Y]]);
});
