import { type Clock, systemClock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import { type Log, silentLog } from "@neson/kit/log";
import { Kysely, PostgresDialect } from "kysely";
import { migrate } from "./migrate.ts";
import { isPostgresUrl } from "./place.ts";
import { openPostgres } from "./postgres.ts";
import { openPool } from "./postgres-pool.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite.ts";

/** The open database. */
export type Db = Kysely<Schema>;

/**
 * Opens (or creates) the Router's database and brings its tables up to date; of several Routers that start at once on PostgreSQL, one does.
 *
 * @param place path of a SQLite file, or URL of a PostgreSQL database, "postgres://user:password@host/name"
 * @throws NesonError (operator) `database-unusable` when it cannot be opened or is not ours; `database-unavailable` when PostgreSQL is away;
 *   `database-newer` when a newer program has used it
 */
export async function openDatabase(
  place: string,
  deps: { clock: Clock; log: Log } = { clock: systemClock, log: silentLog },
): Promise<Db> {
  const isServer = isPostgresUrl(place);
  try {
    return isServer ? await openPostgres(place, deps) : await openSqlite(place);
  } catch (error) {
    const isNewer = error instanceof NesonError && error.code === "database-newer";
    const isAway = error instanceof NesonError && error.code === "database-unavailable";
    if (isNewer) throw error;
    const what = isServer ? nameOf(place) : place;
    const remedy = isServer
      ? "Check DATABASE_URL and that the server runs."
      : "Restore it from a backup, or move it away to start empty.";
    const message = `Opening the Router's database ${what} failed: ${describeError(error)}. ${remedy}`;
    const code = isAway ? "database-unavailable" : "database-unusable";
    throw new NesonError(code, message, { fault: "operator", cause: error });
  }
}

/**
 * Connects to a database as it is, for reading it as a whole: its tables may be those of an older version, and statements take as long as they take.
 * A SQLite file must be there.
 */
export async function openUnmigrated(place: string, deps: { clock: Clock; log: Log }): Promise<Db> {
  if (!isPostgresUrl(place)) return new Kysely<Schema>({ dialect: sqliteDialect(place) });
  const pool = openPool({ url: place, maxConnections: 2, statementMs: 0, program: "neson-backup" }, deps);
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

async function openSqlite(path: string): Promise<Db> {
  const db = new Kysely<Schema>({ dialect: sqliteDialect(path) });
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Without the password. */
function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}
