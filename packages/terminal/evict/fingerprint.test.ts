import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { fingerprint, isSampled } from "./fingerprint.ts";

const IDS = Array.from({ length: 20_000 }, (_, i) => createHash("sha256").update(String(i)).digest("hex"));

test("fingerprint() tells keys apart, is a whole number of 53 bits, and the same each time", () => {
  const keys = [...IDS, ...IDS.keys(), ...IDS.keys().map((i) => -1 - i), ...IDS.keys().map((i) => 2 ** 32 * (i + 1))];
  const prints = keys.map(fingerprint);
  expect(new Set(prints).size).toBe(keys.length);
  expect(prints.every((print) => Number.isSafeInteger(print) && print >= 0)).toBe(true);
  expect(keys.map(fingerprint)).toEqual(prints);
});

test("isSampled() takes one key in 2^shift, each sample out of the last", () => {
  for (const keys of [IDS, [...IDS.keys()]]) {
    let last = keys.map(fingerprint);
    for (let shift = 0; shift < 6; shift++) {
      const sample = last.filter((print) => isSampled(print, shift));
      const expected = keys.length / 2 ** shift;
      expect(Math.abs(sample.length - expected)).toBeLessThan(5 * Math.sqrt(expected));
      last = sample;
    }
  }
});
