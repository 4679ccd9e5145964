import type { Kysely } from "kysely";

/** The catalog, the sites, and what Terminals are paid for. */
export async function createFirstTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("objects")
    .addColumn("object_id", "text", (column) => column.primaryKey())
    .addColumn("size", "bigint", (column) => column.notNull())
    .addColumn("piece_size", "integer", (column) => column.notNull())
    .addColumn("sha256", "text", (column) => column.notNull())
    .addColumn("pieces", "blob", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("last_used_at", "bigint", (column) => column.notNull())
    .addColumn("shielded", "integer", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("entries")
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("key", "text", (column) => column.notNull())
    .addColumn("variant", "text", (column) => column.notNull())
    .addColumn("vary", "text", (column) => column.notNull())
    .addColumn("status", "integer", (column) => column.notNull())
    .addColumn("headers", "text", (column) => column.notNull())
    .addColumn("object_id", "text", (column) => column.notNull())
    .addColumn("request_time_ms", "bigint", (column) => column.notNull())
    .addColumn("response_time_ms", "bigint", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("entries_key", ["site", "key", "variant"])
    .execute();
  await db.schema.createIndex("entries_by_object").on("entries").column("object_id").execute();
  await db.schema
    .createTable("sites")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("settings", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await createMeterTables(db);
}

async function createMeterTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("ticket_claims")
    .addColumn("nonce", "text", (column) => column.primaryKey())
    .addColumn("ticket_group", "text", (column) => column.notNull())
    .addColumn("terminal_id", "text", (column) => column.notNull())
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("object_id", "text", (column) => column.notNull())
    .addColumn("paid_bytes", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("ticket_claims_by_group").on("ticket_claims").column("ticket_group").execute();
  await db.schema.createIndex("ticket_claims_by_expiry").on("ticket_claims").column("expires_at").execute();
  await db.schema
    .createTable("meter_totals")
    .addColumn("terminal_id", "text", (column) => column.notNull())
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("paid_bytes", "bigint", (column) => column.notNull())
    .addColumn("paid_tickets", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("meter_totals_key", ["terminal_id", "site"])
    .execute();
}
