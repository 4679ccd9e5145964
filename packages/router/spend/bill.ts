import type { Clock } from "@neson/kit/clock";
import type { Db } from "../db/database.ts";
import type { Site } from "../sites/site.ts";
import { type Figure, readFigures } from "../traffic/figure-tables.ts";
import { costOf, forecastMicros, type Prices, priceOf } from "./cost.ts";
import type { SpendGuard, Spending } from "./guard.ts";
import type { Usage } from "./usage-tables.ts";

/** A month has at most so many days, each with at most two senders. */
const MAX_FIGURES = 62;

/** A day's share of a month, before any cap. */
export interface BillDay extends Usage {
  /** UTC, as "2026-11-22". */
  day: string;
  priceMicros: number;
}

/** A site's month with its days. */
export interface Bill extends Spending {
  /** What the month will cost if it goes on so; none for months that are over, and in a month's first hour. */
  forecastMicros: number | undefined;
  days: BillDay[];
}

/** What a bill is made of. */
export interface BillDeps {
  db: Db;
  guard: Pick<SpendGuard, "spending">;
  clock: Clock;
}

/** The bill of a month such as "2026-11". */
export async function billOf(site: Site, month: string, prices: Prices, { db, guard, clock }: BillDeps): Promise<Bill> {
  const spending = await guard.spending(site, month);
  const [from, to] = [secondsOf(month, 0), secondsOf(month, 1)];
  const query = { site: site.name, step: "day", dimension: "sender", from, to, limit: MAX_FIGURES } as const;
  const isRunning = from * 1000 <= clock.nowMs() && clock.nowMs() < to * 1000;
  const expected = isRunning ? forecastMicros(spending.priceMicros, clock.nowMs()) : undefined;
  return {
    ...spending,
    forecastMicros: expected === undefined ? undefined : costOf(expected, spending.capMicros),
    days: daysOf(await readFigures(db, query), prices),
  };
}

function daysOf(figures: readonly Figure[], prices: Prices): BillDay[] {
  const days = new Map<number, Usage>();
  for (const { startsAt, value, requests, bytes } of figures) {
    const usage = days.get(startsAt) ?? { requests: 0, routerBytes: 0, terminalBytes: 0 };
    usage.requests += requests;
    if (value === "router") usage.routerBytes += bytes;
    else usage.terminalBytes += bytes;
    days.set(startsAt, usage);
  }
  return [...days].map(([startsAt, usage]) => ({
    day: new Date(startsAt * 1000).toISOString().slice(0, 10),
    ...usage,
    priceMicros: priceOf(usage, prices),
  }));
}

/** When a month begins, or the one so many after it; Unix seconds. */
function secondsOf(month: string, more: number): number {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  return Date.UTC(year, number - 1 + more, 1) / 1000;
}
