import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import { Kysely, PostgresAdapter, PostgresDialect } from "kysely";
import { migrate } from "./migrate.ts";
import { openPool } from "./postgres-pool.ts";
import { PostgresTypesPlugin } from "./postgres-types.ts";
import type { Schema } from "./schema.ts";

const MAX_CONNECTIONS = 10;
/** No statement of ours takes long; one that does waits for something that will not come. */
const STATEMENT_MS = 15_000;

/** Opens PostgreSQL and brings its tables up to date. */
export async function openPostgres(url: string, deps: { clock: Clock; log: Log }): Promise<Kysely<Schema>> {
  const migrating = new Kysely<Schema>({
    // A step may take long on a large table, and so may waiting for another Router that is at it.
    dialect: new PostgresDialect({ pool: openPool({ url, maxConnections: 2, statementMs: 0 }, deps) }),
    plugins: [new PostgresTypesPlugin()],
  });
  try {
    await migrate(migrating);
  } finally {
    await migrating.destroy();
  }
  const pool = openPool({ url, maxConnections: MAX_CONNECTIONS, statementMs: STATEMENT_MS }, deps);
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

/** Whether a database is PostgreSQL. */
export function isPostgres(db: Pick<Kysely<never>, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}
