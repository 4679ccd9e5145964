import { Database, type SQLQueryBindings } from "bun:sqlite";
import { describeError, NesonError } from "@neson/kit/error";
import { Kysely, SqliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import type { Schema } from "./schema.ts";

/** The open database. */
export type Db = Kysely<Schema>;

/**
 * Opens (or creates) the Router's database and brings its tables up to date.
 *
 * WAL with `synchronous = NORMAL`: a killed process loses nothing that was committed; a power cut may lose the last
 * commits, never the file's consistency.
 *
 * @throws NesonError `database-unusable` (operator) when the file cannot be opened or is not ours.
 */
export async function openDatabase(path: string): Promise<Db> {
  try {
    const file = new Database(path, { create: true, strict: true });
    file.run("PRAGMA journal_mode = WAL");
    file.run("PRAGMA synchronous = NORMAL");
    file.run("PRAGMA busy_timeout = 5000");
    file.run("PRAGMA foreign_keys = ON");
    const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: asSqliteDatabase(file) }) });
    await migrate(db);
    return db;
  } catch (error) {
    throw new NesonError(
      "database-unusable",
      `Opening the Router's database ${path} failed: ${describeError(error)}. Restore it from a backup, or move it away to start empty.`,
      { fault: "operator", cause: error },
    );
  }
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** Kysely speaks to SQLite through four calls; Bun's driver has them under slightly other names. */
function asSqliteDatabase(file: Database) {
  return {
    close: () => file.close(),
    prepare: (sql: string) => {
      const statement = file.query<unknown, SQLQueryBindings[]>(sql);
      return {
        reader: statement.columnNames.length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...bindings(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...bindings(parameters)),
        iterate: (parameters: readonly unknown[]) => statement.iterate(...bindings(parameters)),
      };
    },
  };
}

function bindings(parameters: readonly unknown[]): SQLQueryBindings[] {
  return parameters as SQLQueryBindings[];
}
