import { sql, type Transaction } from "kysely";
import type { Db } from "./database.ts";
import { isPostgres } from "./postgres.ts";
import type { Schema } from "./schema.ts";

const ATTEMPTS = 5;
/** PostgreSQL ended a transaction so that another could go on: `serialization_failure`, `deadlock_detected`. */
const MAY_BE_REPEATED = new Set(["40001", "40P01"]);

/** Runs a transaction, again when another Router's stood in its way: `work` must have no effect but on the database. */
export async function transact<T>(db: Db, work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (attempt === ATTEMPTS || typeof code !== "string" || !MAY_BE_REPEATED.has(code)) throw error;
    }
  }
}

/**
 * Waits until no other Router's transaction holds one of these names, and holds them until this one ends. For what is read, judged and then written:
 * in SQLite nobody else writes meanwhile, in PostgreSQL others do.
 */
export async function holdNames(transaction: Transaction<Schema>, names: Iterable<string>): Promise<void> {
  if (!isPostgres(transaction)) return;
  const list = [...new Set(names)];
  if (list.length === 0) return;
  // In one order for everybody, so that no two wait for each other.
  await sql`select pg_advisory_xact_lock(held) from (
    select distinct hashtextextended(name, 0) as held from unnest(${list}::text[]) as name order by held) as names`.execute(
    transaction,
  );
}
