import { expect, test } from "bun:test";
import { type Cacheable, MemoryCache } from "./memory-cache.ts";

function thing(size: number): Cacheable & { size: number } {
  return { size, memory: undefined, wasHit: false };
}

test("MemoryCache keeps within its budget and drops first what was not asked for", () => {
  const cache = new MemoryCache(1000);
  const things = Array.from({ length: 10 }, () => thing(100));
  for (const one of things) cache.keep(one, new Uint8Array(100));
  expect(cache.usedBytes).toBe(1000);
  for (const one of things.slice(0, 3)) one.wasHit = true;
  const late = [thing(100), thing(100)];
  for (const one of late) cache.keep(one, new Uint8Array(100));
  expect(things.map(({ memory }) => memory !== undefined)).toEqual([
    ...[true, true, true],
    false,
    false,
    ...Array(5).fill(true),
  ]);
  expect([cache.usedBytes, late.every(({ memory }) => memory !== undefined)]).toEqual([1000, true]);
});

test("MemoryCache drops something when everything was asked for", () => {
  const cache = new MemoryCache(800);
  const things = Array.from({ length: 8 }, () => thing(100));
  for (const one of things) cache.keep(one, new Uint8Array(100));
  for (const one of things) one.wasHit = true;
  cache.keep(thing(100), new Uint8Array(100));
  expect(cache.usedBytes).toBe(800);
});

test("MemoryCache refuses what is larger than an eighth of it, and everything when it has no room", () => {
  const cache = new MemoryCache(800);
  const large = thing(101);
  cache.keep(large, new Uint8Array(101));
  expect([large.memory, cache.admits(100)]).toEqual([undefined, true]);
  const none = new MemoryCache(0);
  expect([none.admits(1), none.admits(0)]).toEqual([false, true]);
});

test("MemoryCache drop() gives the room back once", () => {
  const cache = new MemoryCache(800);
  const one = thing(100);
  cache.keep(one, new Uint8Array(100));
  cache.drop(one);
  cache.drop(one);
  expect([cache.usedBytes, one.memory]).toEqual([0, undefined]);
});
