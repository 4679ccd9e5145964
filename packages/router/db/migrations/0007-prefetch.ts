import type { Kysely } from "kysely";

/** Prefetches, and what each of them has to pull. */
export async function createPrefetchTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("prefetch_jobs")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("site", "text", (column) => column.notNull())
    .addColumn("follows_playlists", "integer", (column) => column.notNull())
    .addColumn("accepted_at", "bigint", (column) => column.notNull())
    .addColumn("done_at", "bigint")
    .execute();
  await db.schema.createIndex("prefetch_jobs_by_site").on("prefetch_jobs").columns(["site", "accepted_at"]).execute();
  await db.schema
    .createTable("prefetch_targets")
    .addColumn("job_id", "text", (column) => column.notNull())
    .addColumn("number", "integer", (column) => column.notNull())
    .addColumn("target", "text", (column) => column.notNull())
    .addColumn("depth", "integer", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("detail", "text")
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("prefetch_targets_key", ["job_id", "number"])
    .addForeignKeyConstraint("prefetch_targets_job", ["job_id"], "prefetch_jobs", ["id"], (constraint) =>
      constraint.onDelete("cascade"),
    )
    .execute();
  await db.schema
    .createIndex("prefetch_targets_by_state")
    .on("prefetch_targets")
    .columns(["job_id", "state"])
    .execute();
}
