import { Database, type SQLQueryBindings } from "bun:sqlite";
import { SqliteDialect } from "kysely";

/**
 * A file of this machine, created when missing.
 *
 * WAL with `synchronous = NORMAL`: a killed process loses nothing that was committed; a power cut may lose the last
 * commits, never the file's consistency.
 */
export function sqliteDialect(path: string): SqliteDialect {
  const file = new Database(path, { create: true, strict: true });
  try {
    file.run("PRAGMA busy_timeout = 5000");
    file.run("PRAGMA journal_mode = WAL");
    file.run("PRAGMA synchronous = NORMAL");
    file.run("PRAGMA foreign_keys = ON");
  } catch (error) {
    file.close();
    throw error;
  }
  return new SqliteDialect({ database: asSqliteDatabase(file) });
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
