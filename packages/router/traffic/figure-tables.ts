import type { Kysely } from "kysely";
import type { Db } from "../db/database.ts";
import type { Schema } from "../db/schema.ts";
import type { TrafficFiguresTable } from "../db/schema-traffic.ts";
import type { Counted, Dimension } from "./tally.ts";

/** How finely figures are kept. */
export type Step = TrafficFiguresTable["step"];

/** Length of each step, and for how long its figures are kept (seconds). */
const STEPS: Record<Step, { seconds: number; keptSeconds: number }> = {
  minute: { seconds: 60, keptSeconds: 2 * 86_400 },
  hour: { seconds: 3600, keptSeconds: 62 * 86_400 },
  day: { seconds: 86_400, keptSeconds: 800 * 86_400 },
};

/** Longer than any Router waits for its database. */
const BATCHES_KEPT_SECONDS = 7 * 86_400;

/** The steps, the finest first. */
export const STEP_NAMES = ["minute", "hour", "day"] as const;
/** Rows of one statement: 7 parameters each, below SQLite's and PostgreSQL's limits. */
const ROWS_PER_STATEMENT = 500;

/** How long a step is. */
export function stepSeconds(step: Step): number {
  return STEPS[step].seconds;
}

/** One figure of a series. */
export interface Figure {
  /** Unix seconds. */
  startsAt: number;
  value: string;
  requests: number;
  bytes: number;
}

/** Adds counts of one site to the steps that a time lies in. */
export async function addFigures(
  db: Kysely<Schema>,
  addition: { site: string; counts: readonly Counted[]; atSeconds: number },
): Promise<void> {
  const { site, atSeconds } = addition;
  const counts = addition.counts
    .filter(({ requests, bytes }) => requests > 0 || bytes > 0)
    // In one order for everybody, so that no two Routers wait for each other.
    .toSorted((a, b) => compare(a.dimension, b.dimension) || compare(a.value, b.value));
  const rows = STEP_NAMES.flatMap((step) => {
    const { seconds } = STEPS[step];
    const startsAt = Math.floor(atSeconds / seconds) * seconds;
    return counts.map((count) => ({ site, step, starts_at: startsAt, ...count }));
  });
  for (let first = 0; first < rows.length; first += ROWS_PER_STATEMENT) {
    await db
      .insertInto("traffic_figures")
      .values(rows.slice(first, first + ROWS_PER_STATEMENT))
      .onConflict((conflict) =>
        conflict.columns(["site", "step", "starts_at", "dimension", "value"]).doUpdateSet((row) => ({
          requests: row("traffic_figures.requests", "+", row.ref("excluded.requests")),
          bytes: row("traffic_figures.bytes", "+", row.ref("excluded.bytes")),
        })),
      )
      .execute();
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A site's figures from one time to another (Unix seconds, the end excluded), oldest first, at most `limit`. */
export async function readFigures(
  db: Db,
  query: { site: string; step: Step; dimension: Dimension; from: number; to: number; limit: number },
): Promise<Figure[]> {
  const rows = await db
    .selectFrom("traffic_figures")
    .select(["starts_at", "value", "requests", "bytes"])
    .where("site", "=", query.site)
    .where("step", "=", query.step)
    .where("dimension", "=", query.dimension)
    .where("starts_at", ">=", query.from)
    .where("starts_at", "<", query.to)
    .orderBy("starts_at")
    .orderBy("value")
    .limit(query.limit)
    .execute();
  return rows.map((row) => ({
    startsAt: Number(row.starts_at),
    value: row.value,
    requests: Number(row.requests),
    bytes: Number(row.bytes),
  }));
}

/** Notes, within a transaction, that it writes a batch; false when an earlier transaction did. */
export async function beginBatch(db: Kysely<Schema>, batch: string, nowMs: number): Promise<boolean> {
  const result = await db
    .insertInto("written_figures")
    .values({ batch, written_at: nowMs })
    .onConflict((conflict) => conflict.column("batch").doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows) === 1;
}

/** Forgets what is older than its step is kept. */
export async function forgetOldFigures(db: Db, nowSeconds: number): Promise<void> {
  await db
    .deleteFrom("written_figures")
    .where("written_at", "<", (nowSeconds - BATCHES_KEPT_SECONDS) * 1000)
    .execute();
  for (const step of STEP_NAMES) {
    await db
      .deleteFrom("traffic_figures")
      .where("step", "=", step)
      .where("starts_at", "<", nowSeconds - STEPS[step].keptSeconds)
      .execute();
  }
}
