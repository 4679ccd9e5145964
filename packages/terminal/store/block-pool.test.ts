import { expect, test } from "bun:test";
import { BlockPool, LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES } from "./block-pool.ts";

test("BlockPool lends large blocks up to its bound, and lends what it got back again", () => {
  const pool = new BlockPool(2);
  const first = pool.take(true);
  const second = pool.take(true);
  expect([first.length, second.length, pool.hasLarge]).toEqual([LARGE_BLOCK_BYTES, LARGE_BLOCK_BYTES, false]);
  const third = pool.take(true);
  expect(third.length).toBe(SMALL_BLOCK_BYTES);
  pool.give(third);
  expect(pool.hasLarge).toBe(false);
  pool.give(first);
  expect(pool.take(true)).toBe(first);
});

test("BlockPool gives a slow transfer a small block though large ones are free", () => {
  expect(new BlockPool(2).take(false).length).toBe(SMALL_BLOCK_BYTES);
});
