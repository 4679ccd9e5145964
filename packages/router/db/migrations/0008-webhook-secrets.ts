import type { Kysely } from "kysely";

/** Which secret of a site signs its alerts, and the cap that a month was charged under. */
export async function createWebhookSecrets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("webhook_secrets")
    .addColumn("site", "text", (column) => column.primaryKey())
    .addColumn("generation", "integer", (column) => column.notNull())
    .addColumn("rotated_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.alterTable("site_usage").addColumn("cap_micros", "bigint").execute();
}
