import type { Standing } from "@neson/protocol/standing";
import type { Kysely } from "kysely";
import { noteReason, reasonsOf, utcDayOf } from "../db/reasons.ts";
import type { Schema } from "../db/schema.ts";

/** Days that a standing shows; older ones are forgotten, their bytes stay in the totals. */
const MAX_DAYS = 62;
const DAY_MS = 86_400_000;

/** What a batch of claims came to for one Terminal. */
export interface DayAddition {
  terminalId: string;
  paidBytes: number;
  /** Claimed for the first time and not paid. */
  refusedBytes: number;
  /** How many claims were refused, by reason. */
  refusals: ReadonlyMap<string, number>;
  nowMs: number;
}

/** Adds a batch to the Terminal's UTC day. */
export async function addToDay(db: Kysely<Schema>, addition: DayAddition): Promise<void> {
  const { terminalId, paidBytes, refusedBytes, nowMs } = addition;
  // Sorted: in one order for everybody, so that no two Routers wait for each other.
  for (const [reason, count] of [...addition.refusals].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    await noteReason(db, { terminalId, kind: "refusal", reason, count, nowMs });
  }
  if (paidBytes === 0 && refusedBytes === 0) return;
  const values = { terminal_id: terminalId, day: utcDayOf(nowMs), paid_bytes: paidBytes, refused_bytes: refusedBytes };
  await db
    .insertInto("terminal_days")
    .values(values)
    .onConflict((conflict) =>
      conflict.columns(["terminal_id", "day"]).doUpdateSet((row) => ({
        paid_bytes: row("terminal_days.paid_bytes", "+", paidBytes),
        refused_bytes: row("terminal_days.refused_bytes", "+", refusedBytes),
      })),
    )
    .execute();
}

/** Forgets the days, and the reasons of days, that no standing shows any more. */
export async function forgetOldDays(db: Kysely<Schema>, nowMs: number): Promise<void> {
  const oldest = utcDayOf(nowMs - (MAX_DAYS - 1) * DAY_MS);
  await db.deleteFrom("terminal_days").where("day", "<", oldest).execute();
  await db.deleteFrom("terminal_reasons").where("day", "<", oldest).execute();
}

/** The part of a standing that is about money. */
export async function readEarnings(
  db: Kysely<Schema>,
  terminalId: string,
): Promise<Pick<Standing, "earnings" | "refusals" | "totalPaidBytes">> {
  const days = await db
    .selectFrom("terminal_days")
    .selectAll()
    .where("terminal_id", "=", terminalId)
    .orderBy("day", "desc")
    .limit(MAX_DAYS)
    .execute();
  const total = await db
    .selectFrom("meter_totals")
    .select((select) => select.fn.sum<number | null>("paid_bytes").as("bytes"))
    .where("terminal_id", "=", terminalId)
    .executeTakeFirst();
  return {
    earnings: days.map((row) => ({
      day: row.day,
      paidBytes: countOf(row.paid_bytes),
      refusedBytes: countOf(row.refused_bytes),
    })),
    refusals: await reasonsOf(db, terminalId, "refusal"),
    totalPaidBytes: countOf(total?.bytes ?? 0),
  };
}

/** A sum that still fits a message's count; a Terminal may claim absurd numbers day after day. */
function countOf(sum: number): number {
  return Math.min(Number(sum), Number.MAX_SAFE_INTEGER);
}
