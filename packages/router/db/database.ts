import { describeError, NesonError } from "@neson/kit/error";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import { isPostgresUrl } from "./place.ts";
import { compareByBytes, isPostgres, postgresDialect } from "./postgres.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite.ts";

/** The open database. */
export type Db = Kysely<Schema>;

/**
 * Opens (or creates) the Router's database and brings its tables up to date; of several Routers that start at once on PostgreSQL, one does.
 *
 * @param place path of a SQLite file, or URL of a PostgreSQL database, "postgres://user:password@host/name"
 * @throws NesonError `database-unusable` (operator) when it cannot be opened, is not ours, or is of a newer version
 */
export async function openDatabase(place: string): Promise<Db> {
  const isServer = isPostgresUrl(place);
  let db: Db | undefined;
  try {
    db = new Kysely<Schema>({ dialect: isServer ? postgresDialect(place) : sqliteDialect(place) });
    await migrate(db);
    return db;
  } catch (error) {
    await db?.destroy();
    const what = isServer ? nameOf(place) : place;
    const remedy = isServer
      ? "Check DATABASE_URL and that the server runs."
      : "Restore it from a backup, or move it away to start empty.";
    const message = `Opening the Router's database ${what} failed: ${describeError(error)}. ${remedy}`;
    throw new NesonError("database-unusable", message, { fault: "operator", cause: error });
  }
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw newerThanThis(error) ?? error;
  if (isPostgres(db)) await compareByBytes(db as Kysely<unknown>);
}

/** Steps that this program does not know were taken by a later one. */
function newerThanThis(error: unknown): Error | undefined {
  if (!describeError(error).includes("is missing")) return undefined;
  return new Error(
    "a newer version of this program made it; run that version, or restore a backup made with this one",
    {
      cause: error,
    },
  );
}

/** Without the password. */
function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}
