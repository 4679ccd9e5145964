import type { Kysely } from "kysely";

/** Tags of entries, entries made stale by hand, and purges with their progress. */
export async function createPurgeTables(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("entries").addColumn("stale_since", "bigint").execute();
  await db.schema
    .createTable("entry_tags")
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("tag", "text", (column) => column.notNull())
    .addColumn("key", "text", (column) => column.notNull())
    .addColumn("variant", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("entry_tags_key", ["site", "tag", "key", "variant"])
    .addForeignKeyConstraint(
      "entry_tags_entry",
      ["site", "key", "variant"],
      "entries",
      ["site", "key", "variant"],
      (constraint) => constraint.onDelete("cascade"),
    )
    .execute();
  await db.schema.createIndex("entry_tags_by_entry").on("entry_tags").columns(["site", "key", "variant"]).execute();
  await db.schema
    .createTable("purge_jobs")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("by", "text", (column) => column.notNull())
    .addColumn("value", "text", (column) => column.notNull())
    .addColumn("mode", "text", (column) => column.notNull())
    .addColumn("accepted_at", "bigint", (column) => column.notNull())
    .addColumn("done_at", "bigint")
    .addColumn("entries", "bigint", (column) => column.notNull())
    .addColumn("objects", "bigint", (column) => column.notNull())
    .addColumn("terminals", "integer", (column) => column.notNull())
    .addColumn("unconfirmed", "integer", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("purge_jobs_by_site").on("purge_jobs").columns(["site", "accepted_at"]).execute();
}
