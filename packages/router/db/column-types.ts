import { type Kysely, sql } from "kysely";
import { isPostgres } from "./postgres.ts";

/** The type of a column that holds bytes. */
export function bytesType(db: Kysely<unknown>) {
  return isPostgres(db) ? sql`bytea` : "blob";
}
