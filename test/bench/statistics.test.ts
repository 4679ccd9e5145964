import { expect, test } from "bun:test";
import { compare, formatRatio, median, quantile } from "./statistics.ts";

test("median() takes the middle, or the mean of two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test("quantile() gives the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(hundred, 0.5)).toBe(50);
  expect(quantile(hundred, 0.99)).toBe(99);
  expect(quantile(hundred, 0)).toBe(1);
  expect(quantile(hundred, 1)).toBe(100);
  expect(quantile([], 0.5)).toBeNaN();
});

test("compare() divides medians and keeps the spread of the rounds", () => {
  const found = compare([10, 30, 20], [10, 10, 10]);
  expect(found).toEqual({ ratio: 2, lowest: 1, highest: 3 });
  expect(formatRatio(found)).toBe("2.00x (1.00–3.00)");
});
