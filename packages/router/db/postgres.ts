import { type Kysely, PostgresAdapter, PostgresDialect, sql } from "kysely";
import pg from "pg";

const MAX_CONNECTIONS = 10;
const CONNECT_MS = 5000;
/** No statement of ours takes long; one that does waits for something that will not come. */
const STATEMENT_MS = 30_000;
const IDLE_MS = 30_000;

/** A PostgreSQL server. Connections that break are replaced; a statement that met one fails. */
export function postgresDialect(url: string): PostgresDialect {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: "neson-router",
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    types: { getTypeParser },
  });
  // An idle connection that the server closed: the next statement opens another.
  pool.on("error", () => {});
  return new PostgresDialect({ pool });
}

/** Whether a database is PostgreSQL. */
export function isPostgres(db: Pick<Kysely<never>, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/**
 * Has text compared byte by byte, as SQLite does, whatever the language of the database: keys are walked in order, and a step must end where the
 * next begins. Changes only columns that do not do so yet.
 */
export async function compareByBytes(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'
      and table_name not like 'kysely%'`.execute(db);
  for (const { table, column } of rows) {
    await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db);
  }
}

/** 64-bit integers come as text, because not all of them are numbers; ours are all below 2^53. */
function getTypeParser(oid: number, format?: "text" | "binary") {
  if (oid === pg.types.builtins.INT8) return Number;
  return pg.types.getTypeParser(oid, format);
}
