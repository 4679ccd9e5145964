import { type Kysely, sql } from "kysely";

/** What is held for and against a Terminal, and what was purged. */
export async function createStandingTables(db: Kysely<unknown>): Promise<void> {
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
