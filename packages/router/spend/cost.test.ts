import { expect, test } from "bun:test";
import fc from "fast-check";
import { costOf, forecastMicros, moneyText, parseMoney, priceOf } from "./cost.ts";

const PRICES = { terminalGbMicros: 4000, routerGbMicros: 9000 };

test("priceOf() adds what each kind of delivery costs and rounds down once", () => {
  const cases: [terminalBytes: number, routerBytes: number, micros: number][] = [
    [0, 0, 0],
    [1_000_000_000, 0, 4000],
    [0, 1_000_000_000, 9000],
    [500_000_000, 500_000_000, 6500],
    [249_999, 0, 0],
    [125_000, 55_556, 1],
    [9_000_000_000_000_000, 0, 36_000_000_000],
  ];
  for (const [terminalBytes, routerBytes, micros] of cases) {
    expect([terminalBytes, routerBytes, priceOf({ terminalBytes, routerBytes }, PRICES)]).toEqual([
      terminalBytes,
      routerBytes,
      micros,
    ]);
  }
});

test("costOf() never exceeds the cap", () => {
  expect(costOf(5000, undefined)).toBe(5000);
  expect(costOf(5000, 6000)).toBe(5000);
  expect(costOf(7000, 6000)).toBe(6000);
});

test("forecastMicros() goes on as the month began, and says nothing in its first hour", () => {
  expect(forecastMicros(1000, Date.UTC(2026, 10, 1, 0, 59))).toBeUndefined();
  expect(forecastMicros(1000, Date.UTC(2026, 10, 16))).toBe(2000);
  expect(forecastMicros(0, Date.UTC(2026, 10, 16))).toBe(0);
});

test("parseMoney() reads what moneyText() writes, to the micro", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (micros) => {
      expect(parseMoney(moneyText(micros))).toBe(micros);
    }),
  );
  expect([moneyText(12_500_000), moneyText(1), moneyText(0)]).toEqual(["12.50", "0.000001", "0.00"]);
});

test.each(["", "-1", "1,5", "1.", "1.1234567", "1e3", "12345678901"])("parseMoney() refuses %j", (text) => {
  expect(parseMoney(text)).toBeUndefined();
});
