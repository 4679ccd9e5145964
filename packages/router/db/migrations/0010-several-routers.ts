import type { Kysely } from "kysely";

/**
 * What all Routers on one database must agree on. And which objects' bytes lie in a shield store is no row any more: each Router has its own store, whose
 * files say it.
 */
export async function prepareForSeveralRouters(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("network_facts")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute();
  await db.schema.alterTable("objects").dropColumn("shielded").execute();
}
