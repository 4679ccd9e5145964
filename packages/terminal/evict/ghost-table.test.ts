import { expect, test } from "bun:test";
import fc from "fast-check";
import { GhostTable } from "./ghost-table.ts";

test("GhostTable remembers the last ghosts put in, as a plain Map would", () => {
  // Few low bits differ, so that many fingerprints want the same place of the table.
  const print = fc.nat(300).map((value) => value * 2 ** 30);
  const step = fc.record({ print, frequency: fc.nat(100), isTake: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new GhostTable();
      const held = new Map<number, number>();
      for (const { print, frequency, isTake } of steps) {
        const found = table.take(print);
        expect(found?.frequency).toBe(held.get(print));
        held.delete(print);
        if (isTake) continue;
        table.put(print, frequency, 1);
        held.set(print, frequency);
        expect(table.peek(print)).toEqual({ frequency, lastRequest: 1 });
      }
      expect(table.size).toBe(held.size);
    }),
  );
});

test("GhostTable drops the oldest when it is full, grows to four ghosts per object and shrinks again", () => {
  const table = new GhostTable();
  for (let print = 0; print < 1000; print++) table.put(print, print, print);
  expect([table.size, table.peek(935), table.peek(936)?.frequency]).toEqual([64, undefined, 936]);
  table.fit(100);
  for (let print = 1000; print < 2000; print++) table.put(print, print, print);
  expect([table.size, table.peek(1599), table.peek(1600)?.frequency]).toEqual([400, undefined, 1600]);
  table.fit(10);
  expect([table.size, table.peek(1935), table.peek(1936)?.frequency]).toEqual([64, undefined, 1936]);
});
