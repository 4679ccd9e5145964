import type { Kysely } from "kysely";
import type { Db } from "../db/database.ts";
import type { Schema } from "../db/schema.ts";
import type { SiteUsageTable } from "../db/schema-traffic.ts";

/** What a site used in one month. */
export interface Usage {
  requests: number;
  routerBytes: number;
  terminalBytes: number;
}

/** A month as it was written down: with the cap that it ended, or goes on, under. */
export interface KeptUsage extends Usage {
  /** Micros. */
  capMicros: number | undefined;
}

/** The UTC month of a time, as "2026-11". */
export function utcMonthOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 7);
}

/** Adds to the month that the time lies in; within a transaction, when something else must hold with it. */
export async function addUsage(db: Kysely<Schema>, addition: Usage & { site: string; nowMs: number }): Promise<void> {
  const { site, requests, routerBytes, terminalBytes } = addition;
  if (requests === 0 && routerBytes === 0 && terminalBytes === 0) return;
  await db
    .insertInto("site_usage")
    .values({
      site,
      month: utcMonthOf(addition.nowMs),
      requests,
      router_bytes: routerBytes,
      terminal_bytes: terminalBytes,
      cap_micros: null,
    })
    .onConflict((conflict) =>
      conflict.columns(["site", "month"]).doUpdateSet((row) => ({
        requests: row("site_usage.requests", "+", requests),
        router_bytes: row("site_usage.router_bytes", "+", routerBytes),
        terminal_bytes: row("site_usage.terminal_bytes", "+", terminalBytes),
      })),
    )
    .execute();
}

/** A site's usage of one month; zero when nothing was written. */
export async function readUsage(db: Db, site: string, month: string): Promise<KeptUsage> {
  const row = await db
    .selectFrom("site_usage")
    .selectAll()
    .where("site", "=", site)
    .where("month", "=", month)
    .executeTakeFirst();
  return row === undefined ? NO_USAGE : usageOf(row);
}

/** A month's usage of every site that was used in it. */
export async function readUsageOfAll(db: Db, month: string): Promise<Map<string, KeptUsage>> {
  const rows = await db.selectFrom("site_usage").selectAll().where("month", "=", month).execute();
  return new Map(rows.map((row) => [row.site, usageOf(row)]));
}

/** Writes down which cap a month that was used is charged under. */
export async function noteCap(db: Db, site: string, month: string, capMicros: number | undefined): Promise<void> {
  await db
    .updateTable("site_usage")
    .set({ cap_micros: capMicros ?? null })
    .where("site", "=", site)
    .where("month", "=", month)
    .execute();
}

/** Of a month in which nothing was asked for. */
export const NO_USAGE: KeptUsage = { requests: 0, routerBytes: 0, terminalBytes: 0, capMicros: undefined };

function usageOf(row: SiteUsageTable): KeptUsage {
  return {
    requests: Number(row.requests),
    routerBytes: Number(row.router_bytes),
    terminalBytes: Number(row.terminal_bytes),
    capMicros: row.cap_micros === null ? undefined : Number(row.cap_micros),
  };
}
