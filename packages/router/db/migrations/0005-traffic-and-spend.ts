import type { Kysely } from "kysely";

/** What sites were asked for and what it costs, and the alerts about that. */
export async function createTrafficTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("traffic_figures")
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("step", "text", (column) => column.notNull())
    .addColumn("starts_at", "bigint", (column) => column.notNull())
    .addColumn("dimension", "text", (column) => column.notNull())
    .addColumn("value", "text", (column) => column.notNull())
    .addColumn("requests", "bigint", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("traffic_figures_key", ["site", "step", "starts_at", "dimension", "value"])
    .execute();
  await db.schema.createIndex("traffic_figures_by_age").on("traffic_figures").columns(["step", "starts_at"]).execute();
  await db.schema
    .createTable("site_usage")
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("month", "text", (column) => column.notNull())
    .addColumn("requests", "bigint", (column) => column.notNull())
    .addColumn("router_bytes", "bigint", (column) => column.notNull())
    .addColumn("terminal_bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("site_usage_key", ["site", "month"])
    .execute();
  await db.schema
    .createTable("spend_alerts")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("month", "text", (column) => column.notNull())
    .addColumn("percent", "integer", (column) => column.notNull())
    .addColumn("cap_micros", "bigint", (column) => column.notNull())
    .addColumn("cost_micros", "bigint", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("next_at", "bigint", (column) => column.notNull())
    .addColumn("delivered_at", "bigint")
    .addColumn("last_error", "text")
    .addUniqueConstraint("spend_alerts_once", ["site", "month", "percent", "cap_micros"])
    .execute();
  await db.schema.createIndex("spend_alerts_by_next").on("spend_alerts").column("next_at").execute();
}
