import { expect, test } from "bun:test";
import { FrequencySketch } from "./frequency-sketch.ts";

test("FrequencySketch counts requests, the first one in its doorkeeper, up to sixteen", () => {
  const sketch = new FrequencySketch();
  expect(sketch.frequency(7)).toBe(0);
  sketch.add(7);
  expect(sketch.frequency(7)).toBe(1);
  for (let i = 0; i < 40; i++) sketch.add(7);
  expect(sketch.frequency(7)).toBe(16);
  expect(sketch.frequency(8)).toBe(0);
});

test("FrequencySketch halves its counts after ten additions per object", () => {
  const sketch = new FrequencySketch();
  for (let i = 0; i < 9; i++) sketch.add(7);
  for (let i = 0; i < 631; i++) sketch.add(8);
  // 8 counted in the sketch, halved to 4; the doorkeeper is empty again.
  expect(sketch.frequency(7)).toBe(4);
});
