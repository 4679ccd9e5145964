import type { Kysely } from "kysely";
import type { Db } from "../db/database.ts";
import type { Schema } from "../db/schema.ts";

/** What a site used in one month. */
export interface Usage {
  requests: number;
  routerBytes: number;
  terminalBytes: number;
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
export async function readUsage(db: Db, site: string, month: string): Promise<Usage> {
  const row = await db
    .selectFrom("site_usage")
    .selectAll()
    .where("site", "=", site)
    .where("month", "=", month)
    .executeTakeFirst();
  return {
    requests: Number(row?.requests ?? 0),
    routerBytes: Number(row?.router_bytes ?? 0),
    terminalBytes: Number(row?.terminal_bytes ?? 0),
  };
}

/** A month's usage of every site that was used in it. */
export async function readUsageOfAll(db: Db, month: string): Promise<Map<string, Usage>> {
  const rows = await db.selectFrom("site_usage").selectAll().where("month", "=", month).execute();
  return new Map(
    rows.map((row) => [
      row.site,
      {
        requests: Number(row.requests),
        routerBytes: Number(row.router_bytes),
        terminalBytes: Number(row.terminal_bytes),
      },
    ]),
  );
}
