import { expect, test } from "bun:test";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import { objectsToKeep } from "./evictions.ts";
import { connectTerminal, NOW_MS } from "./testing.ts";

const HEADERS = "01".repeat(8);
const objectOf = (n: number) => n.toString(16).padStart(2, "0").repeat(32);

function keep(
  asked: { objectId: string; bytes: number }[],
  terminal: ConnectedTerminal,
  change: { others?: ConnectedTerminal[]; ticketed?: string[]; nowMs?: number } = {},
): string[] {
  const all = [terminal, ...(change.others ?? [])];
  const ticketed = new Set(change.ticketed);
  return objectsToKeep(asked, terminal, change.nowMs ?? NOW_MS, {
    registry: { all: () => all },
    ticketed: { has: (id) => ticketed.has(id) },
  });
}

const four = [1, 2, 3, 4].map((n) => ({ objectId: objectOf(n), bytes: 100 }));

test("objectsToKeep() lets everything go that nobody has a ticket for", () => {
  const { terminal } = connectTerminal();
  for (const { objectId } of four) terminal.noteStored(objectId, HEADERS);
  expect(keep(four, terminal)).toEqual([]);
});

test("objectsToKeep() keeps the only replica of an object under tickets or saved less than ten minutes ago", () => {
  const { terminal } = connectTerminal();
  const { terminal: other } = connectTerminal();
  other.noteStored(objectOf(3), HEADERS);
  terminal.noteSaved(objectOf(1), HEADERS, NOW_MS);
  const change = { others: [other], ticketed: [objectOf(2), objectOf(3)] };
  expect(keep(four, terminal, change)).toEqual([objectOf(2), objectOf(1)]);
  expect(keep(four, terminal, { ...change, nowMs: NOW_MS + 600_000 })).toEqual([objectOf(2)]);
});

test("objectsToKeep() keeps at most half of the bytes asked for, the most wanted first", () => {
  const { terminal } = connectTerminal();
  const ticketed = four.map(({ objectId }) => objectId);
  expect(keep(four, terminal, { ticketed })).toEqual([objectOf(4), objectOf(3)]);
  expect(keep(four.slice(0, 1), terminal, { ticketed })).toEqual([]);
  const doubled = [...four, { objectId: objectOf(4), bytes: 100 }];
  expect(keep(doubled, terminal, { ticketed })).toEqual([objectOf(4), objectOf(3)]);
});

test("objectsToKeep() stops looking for other replicas before it holds the Router up", () => {
  const { terminal } = connectTerminal();
  const others = new Array(100_001).fill(connectTerminal().terminal);
  const ticketed = four.map(({ objectId }) => objectId);
  expect(keep(four, terminal, { others, ticketed })).toEqual([objectOf(4)]);
});
