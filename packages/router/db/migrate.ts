import { NesonError } from "@neson/kit/error";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import type { Schema } from "./schema.ts";

/**
 * Brings the tables up to date. On PostgreSQL an advisory lock keeps other Routers that start at the same time waiting, and a step that fails
 * leaves nothing behind.
 * @throws NesonError `database-newer` (operator) when a newer program made the tables
 */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  await refuseNewer(db);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** The steps that a database has gone through, in order; none when it is empty. */
export async function migrationsIn(db: Kysely<Schema>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === "kysely_migration")) return [];
  const rows = await (db as unknown as Kysely<{ kysely_migration: { name: string } }>)
    .selectFrom("kysely_migration")
    .select("name")
    .execute();
  return rows.map(({ name }) => name).toSorted();
}

/** Makes the tables of an empty database as they were after one step. */
export async function migrateTo(db: Kysely<Schema>, step: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateTo(step);
  if (error !== undefined) throw error;
}

/** @throws NesonError `database-newer` (operator) when a newer program made the tables */
export async function refuseNewer(db: Kysely<Schema>): Promise<void> {
  const unknown = (await migrationsIn(db)).filter((name) => migrations[name] === undefined);
  if (unknown.length === 0) return;
  throw new NesonError(
    "database-newer",
    `Opening the Router's database failed: it has ${unknown.join(", ")}, which this program does not know; a newer program has used it. ` +
      "Start that version again, or restore a backup made before the upgrade.",
    { fault: "operator" },
  );
}
