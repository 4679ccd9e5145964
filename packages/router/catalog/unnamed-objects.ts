import type { Kysely, Transaction } from "kysely";
import type { Schema } from "../db/schema.ts";
import { holdNames } from "../db/transaction.ts";

/**
 * Removes those of the objects that no entry names any more, and remembers that they were purged, for Terminals that are away.
 * @param objectIds at most 1000
 * @returns the ids of the removed ones
 */
export async function removeUnnamedObjects(
  transaction: Transaction<Schema>,
  objectIds: readonly string[],
  nowMs: number,
): Promise<string[]> {
  if (objectIds.length === 0) return [];
  await holdNames(transaction, objectIds);
  const rows = await transaction
    .deleteFrom("objects")
    .where("object_id", "in", objectIds)
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom("entries").select("object_id").whereRef("entries.object_id", "=", "objects.object_id"),
        ),
      ),
    )
    .returning("object_id")
    .execute();
  const ids = rows.map((row) => row.object_id);
  await rememberPurged(transaction, ids, nowMs);
  return ids;
}

/** Remembers that objects were purged: whoever lists them is told to delete them. */
export async function rememberPurged(db: Kysely<Schema>, objectIds: readonly string[], nowMs: number): Promise<void> {
  if (objectIds.length === 0) return;
  await db
    .insertInto("purged_objects")
    .values(objectIds.map((objectId) => ({ object_id: objectId, purged_at: nowMs })))
    .onConflict((conflict) => conflict.column("object_id").doUpdateSet({ purged_at: nowMs }))
    .execute();
}
