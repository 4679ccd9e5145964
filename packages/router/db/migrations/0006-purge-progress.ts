import type { Kysely } from "kysely";

/** What a purge found, which Terminals left meanwhile, and whether what came in behind it was cleared away too. */
export async function addPurgeProgress(db: Kysely<unknown>): Promise<void> {
  const count = (name: "found" | "absent") =>
    db.schema
      .alterTable("purge_jobs")
      .addColumn(name, "bigint", (column) => column.notNull().defaultTo(0))
      .execute();
  await count("found");
  await count("absent");
  await db.schema.alterTable("purge_jobs").addColumn("settled_at", "bigint").execute();
}
