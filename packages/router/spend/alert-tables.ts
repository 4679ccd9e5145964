import { randomUUID } from "node:crypto";
import type { Db } from "../db/database.ts";
import type { SpendAlertsTable } from "../db/schema-traffic.ts";

/** An alert: a site's cost reached a share of its cap. */
export interface Alert {
  id: string;
  site: string;
  month: string;
  percent: number;
  capMicros: number;
  costMicros: number;
  createdAtMs: number;
  attempts: number;
  deliveredAtMs: number | undefined;
  lastError: string | undefined;
}

/** Times beyond all that will be. */
const NEVER_MS = 8_640_000_000_000_000;
const KEPT_MS = 366 * 86_400_000;

/** Notes an alert, unless the month already had it for this cap. */
export async function noteAlert(
  db: Db,
  alert: Pick<Alert, "site" | "month" | "percent" | "capMicros" | "costMicros">,
  nowMs: number,
): Promise<void> {
  const { site, month, percent, capMicros, costMicros } = alert;
  await db
    .insertInto("spend_alerts")
    .values({
      ...{ id: randomUUID(), site, month, percent, cap_micros: capMicros, cost_micros: costMicros },
      ...{ created_at: nowMs, attempts: 0, next_at: nowMs, delivered_at: null, last_error: null },
    })
    .onConflict((conflict) => conflict.columns(["site", "month", "percent", "cap_micros"]).doNothing())
    .execute();
}

/** Alerts whose webhook is to be tried now, oldest first. */
export async function dueAlerts(db: Db, nowMs: number, limit: number): Promise<Alert[]> {
  const rows = await db
    .selectFrom("spend_alerts")
    .selectAll()
    .where("next_at", "<=", nowMs)
    .orderBy("next_at")
    .limit(limit)
    .execute();
  return rows.map(alertOf);
}

/** Takes an alert up for one try; false when another Router was faster. Until `nextMs` nobody tries it again. */
export async function takeAlert(db: Db, alert: Alert, nextMs: number): Promise<boolean> {
  const result = await db
    .updateTable("spend_alerts")
    .set({ attempts: alert.attempts + 1, next_at: nextMs })
    .where("id", "=", alert.id)
    .where("attempts", "=", alert.attempts)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}

/** Notes how a try ended; without `nextMs` there is no other. */
export async function noteTry(
  db: Db,
  id: string,
  outcome: { deliveredAtMs?: number; error?: string; nextMs?: number },
): Promise<void> {
  await db
    .updateTable("spend_alerts")
    .set({
      delivered_at: outcome.deliveredAtMs ?? null,
      last_error: outcome.error ?? null,
      next_at: outcome.nextMs ?? NEVER_MS,
    })
    .where("id", "=", id)
    .execute();
}

/** A site's alerts, newest first. */
export async function alertsOf(db: Db, site: string, limit: number): Promise<Alert[]> {
  const rows = await db
    .selectFrom("spend_alerts")
    .selectAll()
    .where("site", "=", site)
    .orderBy("created_at", "desc")
    .orderBy("percent", "desc")
    .limit(limit)
    .execute();
  return rows.map(alertOf);
}

/** Forgets alerts of more than a year ago. */
export async function forgetOldAlerts(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom("spend_alerts")
    .where("created_at", "<", nowMs - KEPT_MS)
    .execute();
}

function alertOf(row: SpendAlertsTable): Alert {
  return {
    id: row.id,
    site: row.site,
    month: row.month,
    percent: row.percent,
    capMicros: Number(row.cap_micros),
    costMicros: Number(row.cost_micros),
    createdAtMs: Number(row.created_at),
    attempts: row.attempts,
    deliveredAtMs: row.delivered_at === null ? undefined : Number(row.delivered_at),
    lastError: row.last_error ?? undefined,
  };
}
