import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import { removeUnnamedObjects } from "../catalog/unnamed-objects.ts";
import type { Db } from "../db/database.ts";
import type { Schema } from "../db/schema.ts";
import { transact } from "../db/transaction.ts";
import type { PurgeOrder } from "./order.ts";

/** Keys of one step: some milliseconds of work, in which an embedded database lets nothing else happen. */
const KEYS_PER_STEP = 200;
/** Objects that are looked at in one step of a search for unnamed ones. */
const LOOK_AT = 1000;
/** Sorts behind every character of a key. */
const LAST = "\u{10ffff}";

/** The statements of purges on what is stored. Keys have to be compared by their bytes, as SQLite does it. */
export class PurgeRows {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Entries that an order is aimed at now. */
  async count({ site, by, value }: PurgeOrder): Promise<number> {
    switch (by) {
      case "url":
        return await this.#countKeys(site, value, value);
      case "path":
        return (
          (await this.#countKeys(site, value, value)) + (await this.#countKeys(site, `${value}?`, `${value}?${LAST}`))
        );
      case "prefix":
        return await this.#countKeys(site, value, value + LAST);
      case "site":
        return await this.#countKeys(site, "", LAST);
      case "tag": {
        const row = await this.#db
          .selectFrom("entry_tags")
          .select((select) => select.fn.countAll().as("count"))
          .where("site", "=", site)
          .where("tag", "=", value)
          .executeTakeFirst();
        return Number(row?.count ?? 0);
      }
      default:
        return by satisfies never;
    }
  }

  /** The next stored keys, in order, that an order may be aimed at, after "" from the first on; empty at the end. */
  async keysAfter({ site, by, value }: PurgeOrder, after: string): Promise<string[]> {
    switch (by) {
      case "url":
        return after === "" ? [value] : [];
      case "path":
        return after === "" ? [value] : await this.#keysBetween(site, after, `${value}?`, `${value}?${LAST}`);
      case "prefix":
        return await this.#keysBetween(site, after, value, value + LAST);
      case "site":
        return await this.#keysBetween(site, after, "", LAST);
      case "tag": {
        const rows = await this.#db
          .selectFrom("entry_tags")
          .select("key")
          .distinct()
          .where("site", "=", site)
          .where("tag", "=", value)
          .where("key", ">", after)
          .orderBy("key")
          .limit(KEYS_PER_STEP)
          .execute();
        return rows.map(({ key }) => key);
      }
      default:
        return by satisfies never;
    }
  }

  /** Takes out what is stored for keys, is meant and was asked for up to a time, and counts it for the job; gives the objects, once for each entry. */
  async remove(job: { id: string; order: PurgeOrder }, keys: readonly string[], atMs: number): Promise<string[]> {
    return await transact(this.#db, async (transaction) => {
      const rows = await transaction
        .deleteFrom("entries")
        .where("site", "=", job.order.site)
        .where("key", "in", keys)
        .where("request_time_ms", "<=", atMs)
        .where((where) => carries(where, job.order))
        .returning("object_id")
        .execute();
      await transaction
        .updateTable("purge_jobs")
        .set((set) => ({ entries: set("entries", "+", rows.length) }))
        .where("id", "=", job.id)
        .execute();
      return rows.map((row) => row.object_id);
    });
  }

  /**
   * Takes out those of the objects that nothing names any more, and counts them for the job; gives their ids.
   * @param objectIds in order, so that rows that lie together go together: an index of hashes costs a page for each otherwise
   */
  async removeUnnamed(job: { id: string }, objectIds: readonly string[], nowMs: number): Promise<string[]> {
    return await transact(this.#db, async (transaction) => {
      const gone = await removeUnnamedObjects(transaction, objectIds, nowMs);
      await transaction
        .updateTable("purge_jobs")
        .set((set) => ({ objects: set("objects", "+", gone.length) }))
        .where("id", "=", job.id)
        .execute();
      return gone;
    });
  }

  /** Looks at the next objects, in order, for those that nothing names; `last` is undefined at the end. */
  async unnamedAfter(after: string): Promise<{ unnamed: string[]; last: string | undefined }> {
    const rows = await this.#db
      .selectFrom("objects")
      .leftJoin("entries", "entries.object_id", "objects.object_id")
      .select(["objects.object_id as objectId", "entries.site"])
      .where("objects.object_id", ">", after)
      .orderBy("objects.object_id")
      .limit(LOOK_AT)
      .execute();
    const unnamed = rows.filter(({ site }) => site === null).map(({ objectId }) => objectId);
    return { unnamed, last: rows.at(-1)?.objectId };
  }

  /** Makes stale what `remove` would take out; gives the number of entries. */
  async age(job: { id: string; order: PurgeOrder }, keys: readonly string[], atMs: number): Promise<number> {
    return await transact(this.#db, async (transaction) => {
      const result = await transaction
        .updateTable("entries")
        .set({ stale_since: atMs })
        .where("site", "=", job.order.site)
        .where("key", "in", keys)
        .where("request_time_ms", "<=", atMs)
        .where("stale_since", "is", null)
        .where((where) => carries(where, job.order))
        .executeTakeFirst();
      const entries = Number(result.numUpdatedRows);
      await transaction
        .updateTable("purge_jobs")
        .set((set) => ({ entries: set("entries", "+", entries) }))
        .where("id", "=", job.id)
        .execute();
      return entries;
    });
  }

  async #countKeys(site: string, first: string, last: string): Promise<number> {
    const row = await this.#db
      .selectFrom("entries")
      .select((select) => select.fn.countAll().as("count"))
      .where("site", "=", site)
      .where("key", ">=", first)
      .where("key", "<=", last)
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  async #keysBetween(site: string, after: string, first: string, last: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("entries")
      .select("key")
      .distinct()
      .where("site", "=", site)
      .where("key", after < first ? ">=" : ">", after < first ? first : after)
      .where("key", "<=", last)
      .orderBy("key")
      .limit(KEYS_PER_STEP)
      .execute();
    return rows.map(({ key }) => key);
  }
}

/** Of one key, a tag may mean some variants and not others. */
function carries(where: ExpressionBuilder<Schema, "entries">, { by, value }: PurgeOrder): Expression<SqlBool> {
  if (by !== "tag") return where.lit(true);
  return where.exists(
    where
      .selectFrom("entry_tags")
      .select("entry_tags.tag")
      .whereRef("entry_tags.site", "=", "entries.site")
      .whereRef("entry_tags.key", "=", "entries.key")
      .whereRef("entry_tags.variant", "=", "entries.variant")
      .where("entry_tags.tag", "=", value),
  );
}
