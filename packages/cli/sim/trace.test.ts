import { expect, test } from "bun:test";
import { TraceBuilder } from "./trace.ts";

test("TraceBuilder numbers objects by their first request and adds up their latest sizes", () => {
  const builder = new TraceBuilder("log");
  for (let i = 0; i < 5000; i++) builder.add(`object-${i % 1500}`, (i % 1500) + Math.floor(i / 1500));
  const { keys, sizes, hasSizes, footprintBytes } = builder.finish();
  expect([...keys]).toEqual(Array.from({ length: 5000 }, (_, i) => i % 1500));
  expect([sizes.length, sizes[0], sizes[499], sizes[500], hasSizes]).toEqual([1500, 3, 502, 502, true]);
  expect(footprintBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
});

test("TraceBuilder is full at its limit", () => {
  const builder = new TraceBuilder("log", 2);
  builder.add(5, undefined);
  expect(builder.isFull).toBe(false);
  builder.add(5, undefined);
  expect(builder.isFull).toBe(true);
});
