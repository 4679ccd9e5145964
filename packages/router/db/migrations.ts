import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Forward-only: a released step never changes, a new need adds a step. */
export const migrations: Record<string, Migration> = {
  "0001-catalog-sites-meter": { up: createFirstTables },
  "0002-standing-and-purges": { up: createStandingTables },
};

async function createFirstTables(db: Kysely<unknown>): Promise<void> {
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

async function createStandingTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("ticket_claims")
    .addColumn("claimed_bytes", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  // What was claimed beyond what was paid is not known of older claims; none of it may count as newly claimed.
  await sql`update ticket_claims set claimed_bytes = paid_bytes`.execute(db);
  await db.schema
    .createTable("terminal_days")
    .addColumn("terminal_id", "text", (column) => column.notNull())
    .addColumn("day", "text", (column) => column.notNull())
    .addColumn("paid_bytes", "bigint", (column) => column.notNull())
    .addColumn("refused_bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("terminal_days_key", ["terminal_id", "day"])
    .execute();
  await db.schema.createIndex("terminal_days_by_day").on("terminal_days").column("day").execute();
  await db.schema
    .createTable("terminal_reasons")
    .addColumn("terminal_id", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("day", "text", (column) => column.notNull())
    .addColumn("reason", "text", (column) => column.notNull())
    .addColumn("count", "bigint", (column) => column.notNull())
    .addColumn("last_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("terminal_reasons_key", ["terminal_id", "kind", "day", "reason"])
    .execute();
  await db.schema
    .createTable("terminal_tracks")
    .addColumn("terminal_id", "text", (column) => column.notNull())
    .addColumn("track", "text", (column) => column.notNull())
    .addColumn("checks", "bigint", (column) => column.notNull())
    .addColumn("failures", "bigint", (column) => column.notNull())
    .addColumn("score", "double precision", (column) => column.notNull())
    .addPrimaryKeyConstraint("terminal_tracks_key", ["terminal_id", "track"])
    .execute();
  await db.schema
    .createTable("purged_objects")
    .addColumn("object_id", "text", (column) => column.primaryKey())
    .addColumn("purged_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("purged_objects_by_time").on("purged_objects").column("purged_at").execute();
}
