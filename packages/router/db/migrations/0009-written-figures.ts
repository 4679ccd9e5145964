import type { Kysely } from "kysely";

/** Which batches of figures were written, for a Router that lost its connection before it was told. */
export async function createWrittenFiguresTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("written_figures")
    .addColumn("batch", "text", (column) => column.primaryKey())
    .addColumn("written_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("written_figures_by_time").on("written_figures").column("written_at").execute();
}
