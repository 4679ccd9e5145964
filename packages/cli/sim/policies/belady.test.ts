import { expect, test } from "bun:test";
import fc from "fast-check";
import { Belady, nextUses } from "./belady.ts";

test("nextUses() gives the place of each request's next one", () => {
  expect([...nextUses(new Int32Array([0, 1, 0, 0]), 2)]).toEqual([
    2,
    Number.POSITIVE_INFINITY,
    3,
    Number.POSITIVE_INFINITY,
  ]);
});

test("Belady keeps what is asked for soonest, and not the newcomer when it is the last", () => {
  const keys = new Int32Array([0, 1, 2, 0, 1, 2]);
  const belady = new Belady({ capacityBytes: 2, sizes: new Float64Array(3).fill(1) }, nextUses(keys, 3));
  expect([...keys].map((key) => belady.request(key))).toEqual([false, false, false, true, true, false]);
});

test("Belady has as many hits as the best of all possible choices when sizes are equal", () => {
  const log = fc.array(fc.nat(3), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(log, fc.integer({ min: 1, max: 3 }), (requests, capacityBytes) => {
      const keys = new Int32Array(requests);
      const belady = new Belady({ capacityBytes, sizes: new Float64Array(4).fill(1) }, nextUses(keys, 4));
      const hits = requests.filter((key) => belady.request(key)).length;
      expect(hits).toBe(mostHitsByTrying(requests, 0, [], capacityBytes));
    }),
  );
});

/** Tries every object to drop, the newcomer included. */
function mostHitsByTrying(log: number[], at: number, held: number[], room: number): number {
  const key = log[at];
  if (key === undefined) return 0;
  if (held.includes(key)) return 1 + mostHitsByTrying(log, at + 1, held, room);
  const all = [...held, key];
  if (all.length <= room) return mostHitsByTrying(log, at + 1, all, room);
  return Math.max(
    ...all.map((dropped) =>
      mostHitsByTrying(
        log,
        at + 1,
        all.filter((other) => other !== dropped),
        room,
      ),
    ),
  );
}
