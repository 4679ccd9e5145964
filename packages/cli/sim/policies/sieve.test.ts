import { expect, test } from "bun:test";
import { Sieve } from "./sieve.ts";

test("Sieve evicts the first unvisited object from where its hand stopped", () => {
  const sieve = new Sieve({ capacityBytes: 3, sizes: new Float64Array(5).fill(1) });
  const hits = (keys: number[]) => keys.map((key) => sieve.request(key));
  expect(hits([0, 1, 2, 0])).toEqual([false, false, false, true]);
  // The hand clears 0, evicts 1 and stands at 2; then evicts 2, then 3.
  expect(hits([3, 4, 0, 1])).toEqual([false, false, true, false]);
  // Held: 0 (visited), 4, 1; the hand stands at 4. It spares 4 and evicts 1; then, from the start, spares 0 and evicts 4.
  expect(hits([4, 3, 2])).toEqual([true, false, false]);
  expect(hits([0, 3, 2, 4])).toEqual([true, true, true, false]);
});
