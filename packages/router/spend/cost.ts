/** What usage costs. Money is counted in micros, whole millionths of the currency unit, so that sums never drift. */
import type { Usage } from "./usage-tables.ts";

/** Prices of a network, micros. */
export interface Prices {
  /** For 10^9 body bytes that Terminals delivered. */
  terminalGbMicros: number;
  /** For 10^9 body bytes that Routers delivered. */
  routerGbMicros: number;
}

/** The prices that a Router was told. */
export function pricesOf(config: { terminalGbPrice: number; routerGbPrice: number }): Prices {
  return { terminalGbMicros: config.terminalGbPrice, routerGbMicros: config.routerGbPrice };
}

const GB = 1_000_000_000n;

/** The price of usage, rounded down to whole micros. */
export function priceOf(usage: Pick<Usage, "routerBytes" | "terminalBytes">, prices: Prices): number {
  const terminal = BigInt(usage.terminalBytes) * BigInt(prices.terminalGbMicros);
  const router = BigInt(usage.routerBytes) * BigInt(prices.routerGbMicros);
  return Number((terminal + router) / GB);
}

/** What is charged: the price, but never more than the cap, whatever was still under way when it was reached. */
export function costOf(priceMicros: number, capMicros: number | undefined): number {
  return capMicros === undefined ? priceMicros : Math.min(priceMicros, capMicros);
}

/** What a month will have cost if it goes on as it began; undefined in its first hour, of which nothing can be told. */
export function forecastMicros(costMicros: number, nowMs: number): number | undefined {
  const now = new Date(nowMs);
  const startMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  const endMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
  if (nowMs - startMs < 3_600_000) return undefined;
  return Math.round((costMicros * (endMs - startMs)) / (nowMs - startMs));
}

/** Micros as people write money: "12.50", with more decimals only where they are needed. */
export function moneyText(micros: number): string {
  const whole = Math.floor(micros / 1_000_000);
  const rest = String(micros % 1_000_000).padStart(6, "0");
  return `${whole}.${rest.slice(0, 2)}${rest.slice(2).replace(/0+$/, "")}`;
}

/** Money as people write it, in micros; undefined when it is not money. */
export function parseMoney(text: string): number | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? "").padEnd(6, "0"));
}
