import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { rankTop, seedOf } from "./rank.ts";

const idOf = (text: string) => createHash("sha256").update(text).digest("hex");
const terminals = (count: number, weight = (_index: number) => 1) =>
  Array.from({ length: count }, (_, index) => ({
    index,
    seed: seedOf(idOf(`terminal ${index}`)),
    weight: weight(index),
  }));
const OBJECTS = 20_000;

function firstShares(all: ReturnType<typeof terminals>): Map<number, number> {
  const shares = new Map<number, number>();
  for (let object = 0; object < OBJECTS; object += 1) {
    const first = rankTop(seedOf(idOf(`object ${object}`)), all, 1)[0];
    if (first !== undefined) shares.set(first.index, (shares.get(first.index) ?? 0) + 1);
  }
  return shares;
}

test("rankTop() gives each Terminal a share in proportion to its weight", () => {
  const all = terminals(10, (index) => (index < 5 ? 1 : 3));
  const shares = firstShares(all);
  for (const terminal of all) {
    const ideal = (OBJECTS * terminal.weight) / 20;
    expect(Math.abs((shares.get(terminal.index) ?? 0) / ideal - 1)).toBeLessThan(0.1);
  }
});

test("rankTop() moves only the share of a Terminal that leaves, evenly to the rest", () => {
  const all = terminals(20);
  const rest = all.filter((terminal) => terminal.index !== 7);
  let moved = 0;
  let ofTheLeaver = 0;
  for (let object = 0; object < OBJECTS; object += 1) {
    const seed = seedOf(idOf(`object ${object}`));
    const before = rankTop(seed, all, 1)[0]?.index;
    if (before !== rankTop(seed, rest, 1)[0]?.index) moved += 1;
    if (before === 7) ofTheLeaver += 1;
  }
  expect(moved).toBe(ofTheLeaver);
  const shares = firstShares(rest);
  expect(Math.max(...shares.values()) / (OBJECTS / 19)).toBeLessThan(1.15);
});

test("rankTop() returns the same prefix whatever the order of Terminals and the count asked for", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), (text, size, count) => {
      const seed = seedOf(idOf(text));
      const all = terminals(size);
      const whole = rankTop(seed, all, size).map((terminal) => terminal.index);
      const some = rankTop(seed, [...all].reverse(), count).map((terminal) => terminal.index);
      expect(some).toEqual(whole.slice(0, count));
    }),
  );
});
