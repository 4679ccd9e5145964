import { Database } from "bun:sqlite";
import { open, rename, rm } from "node:fs/promises";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { Kysely, PostgresDialect, sql } from "kysely";
import { refuseNewer } from "../db/migrate.ts";
import { openPool } from "../db/postgres-pool.ts";
import { PostgresTypesPlugin } from "../db/postgres-types.ts";
import type { Schema } from "../db/schema.ts";
import { sqliteDialect } from "../db/sqlite.ts";
import { isThere } from "./key-files.ts";
import { tablesOfProgram } from "./program-tables.ts";
import { firstFilled, tableNames } from "./table-rows.ts";

/** A database that a backup is to be put into. */
export interface RestoreTarget extends AsyncDisposable {
  /**
   * Puts what `load` writes into an empty database in the place of what is there, all of it or nothing. `beforeSwap` is called last, when only the
   * change itself is left.
   */
  fill(load: (db: Kysely<Schema>) => Promise<void>, beforeSwap: () => Promise<void>): Promise<void>;
  /** True once the place holds the new. */
  readonly isFilled: boolean;
}

/** An SQLite file: a new one is made beside it, and renamed. */
export async function sqliteTarget(path: string, { isReplacing }: { isReplacing: boolean }): Promise<RestoreTarget> {
  if (!isReplacing && (await isThere(path))) {
    refuseFilled(path, await firstFilledOf(path));
  }
  const fresh = `${path}.restoring`;
  const removeFresh = async () => {
    for (const end of ["", "-wal", "-shm"]) await rm(fresh + end, { force: true });
  };
  let isFilled = false;
  return {
    get isFilled() {
      return isFilled;
    },
    fill: async (load, beforeSwap) => {
      await removeFresh();
      const db = new Kysely<Schema>({ dialect: sqliteDialect(fresh) });
      try {
        // Nobody reads it before it is whole and on disk.
        await sql`pragma synchronous = off`.execute(db);
        await load(db);
        await sql`pragma journal_mode = delete`.execute(db);
      } finally {
        await db.destroy();
      }
      await flushFile(fresh);
      await beforeSwap();
      await endJournal(path);
      await rename(fresh, path);
      isFilled = true;
    },
    [Symbol.asyncDispose]: removeFresh,
  };
}

async function firstFilledOf(path: string): Promise<string | undefined> {
  try {
    const db = new Kysely<Schema>({ dialect: sqliteDialect(path) });
    try {
      return await firstFilled(db, await tableNames(db));
    } finally {
      await db.destroy();
    }
  } catch {
    return "what cannot be read";
  }
}

/** What the journal holds goes into the file: left beside another file, it would be taken for its own. */
async function endJournal(path: string): Promise<void> {
  if (!(await isThere(path))) return;
  try {
    const file = new Database(path);
    try {
      file.run("PRAGMA journal_mode = DELETE");
    } finally {
      file.close();
    }
  } catch {
    // It is broken beyond use, which may be why there is a restore.
  }
  for (const end of ["-wal", "-shm"]) await rm(path + end, { force: true });
}

async function flushFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A PostgreSQL database: everything happens in one transaction. */
export async function postgresTarget(
  url: string,
  { isReplacing }: { isReplacing: boolean },
  deps: { clock: Clock; log: Log },
): Promise<RestoreTarget> {
  const pool = openPool({ url, maxConnections: 2, statementMs: 0, program: "neson-restore" }, deps);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }), plugins: [new PostgresTypesPlugin()] });
  try {
    await refuseNewer(db);
    await refuseUsed(db);
    const known = new Set(await tablesOfProgram());
    const tables = (await tableNames(db)).filter((name) => known.has(name));
    if (!isReplacing) refuseFilled("DATABASE_URL", await firstFilled(db, tables));
    return targetOf(db, [...tables.toReversed(), "kysely_migration", "kysely_migration_lock"]);
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

function targetOf(db: Kysely<Schema>, tables: readonly string[]): RestoreTarget {
  let isFilled = false;
  return {
    get isFilled() {
      return isFilled;
    },
    fill: async (load, beforeSwap) => {
      await db.transaction().execute(async (transaction) => {
        for (const table of tables) await transaction.schema.dropTable(table).ifExists().execute();
        await load(transaction);
        await beforeSwap();
      });
      isFilled = true;
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  };
}

function refuseFilled(place: string, table: string | undefined): void {
  if (table === undefined) return;
  const message = `restoring into the database ${place}: it has rows in ${table}; allowed: an empty one, or --replace to give up what is there`;
  throw new NesonError("target-not-empty", message, { fault: "operator" });
}

/** Routers keep in memory what they have read, so none may run. */
async function refuseUsed(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from pg_stat_activity
    where datname = current_database() and application_name = 'neson-router'`.execute(db);
  const count = Number(rows[0]?.count ?? 0);
  if (count === 0) return;
  const message = `restoring into the database of DATABASE_URL: Routers hold ${count} connections to it; stop all of them first`;
  throw new NesonError("target-in-use", message, { fault: "operator" });
}
