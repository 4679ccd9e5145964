import type { Kysely } from "kysely";
import type { Db } from "../db/database.ts";
import type { Schema } from "../db/schema.ts";
import { holdNames, transact } from "../db/transaction.ts";
import { tagsOf } from "../purge/order.ts";
import type { CatalogEntry } from "./entry.ts";
import { entryOfRow, rowOf } from "./entry.ts";

/** More variants of one key than this are not kept: the oldest goes. */
const MAX_VARIANTS = 64;
/** Ids in one statement. */
const BATCH = 500;

/** What an earlier process knew of an object. */
export interface KnownObject {
  objectId: string;
  size: number;
  /** Milliseconds since 1970. */
  lastUsedAtMs: number;
}

/** The catalog's statements on the tables `objects` and `entries`. Each method is one transaction. */
export class CatalogTables {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Those of the objects that are known. */
  async objectsAmong(objectIds: readonly string[]): Promise<KnownObject[]> {
    const known: KnownObject[] = [];
    for (const batch of batches(objectIds)) {
      const rows = await this.#db
        .selectFrom("objects")
        .select(["object_id", "size", "last_used_at"])
        .where("object_id", "in", batch)
        .execute();
      for (const { object_id, size, last_used_at } of rows)
        known.push({ objectId: object_id, size: Number(size), lastUsedAtMs: Number(last_used_at) });
    }
    return known;
  }

  async entriesOfKey(site: string, key: string): Promise<CatalogEntry[]> {
    return this.#entries().where("site", "=", site).where("key", "=", key).execute().then(this.#parse);
  }

  async entriesOfObject(objectId: string): Promise<CatalogEntry[]> {
    return this.#entries().where("entries.object_id", "=", objectId).limit(1000).execute().then(this.#parse);
  }

  async putEntry(entry: CatalogEntry, pieces: Uint8Array, nowMs: number): Promise<void> {
    const { objectId, size, pieceSize, sha256 } = entry.object;
    const row = rowOf(entry);
    const { site, key, variant, ...values } = row;
    await transact(this.#db, async (transaction) => {
      // Nobody may find meanwhile that nothing names the object.
      await holdNames(transaction, [objectId]);
      await transaction
        .insertInto("objects")
        .values({
          object_id: objectId,
          size,
          piece_size: pieceSize,
          sha256,
          pieces,
          created_at: nowMs,
          last_used_at: nowMs,
        })
        .onConflict((conflict) => conflict.column("object_id").doUpdateSet({ last_used_at: nowMs }))
        .execute();
      await transaction.deleteFrom("purged_objects").where("object_id", "=", objectId).execute();
      await transaction
        .insertInto("entries")
        .values(row)
        .onConflict((conflict) => conflict.columns(["site", "key", "variant"]).doUpdateSet(values))
        .execute();
      await noteTags(transaction, entry);
      if (variant === "") return;
      const beyond = transaction
        .selectFrom("entries")
        .select("variant")
        .where("site", "=", site)
        .where("key", "=", key)
        .orderBy("response_time_ms", "desc")
        .orderBy("variant")
        .limit(1_000_000)
        .offset(MAX_VARIANTS);
      await transaction
        .deleteFrom("entries")
        .where("site", "=", site)
        .where("key", "=", key)
        .where("variant", "in", beyond)
        .execute();
    });
  }

  /** False when the row is gone or stands for other bytes by now. */
  async updateEntry(entry: CatalogEntry): Promise<boolean> {
    const { site, key, variant, object_id, ...values } = rowOf(entry);
    return await transact(this.#db, async (transaction) => {
      const result = await transaction
        .updateTable("entries")
        .set(values)
        .where("site", "=", site)
        .where("key", "=", key)
        .where("variant", "=", variant)
        .where("object_id", "=", object_id)
        .executeTakeFirst();
      const isThere = result.numUpdatedRows > 0n;
      if (isThere) await noteTags(transaction, entry);
      return isThere;
    });
  }

  async removeKey(site: string, key: string): Promise<void> {
    await this.#db.deleteFrom("entries").where("site", "=", site).where("key", "=", key).execute();
  }

  async removeSite(site: string): Promise<void> {
    await this.#db.deleteFrom("entries").where("site", "=", site).execute();
  }

  async pieces(objectId: string): Promise<Uint8Array | undefined> {
    const row = await this.#db
      .selectFrom("objects")
      .select("pieces")
      .where("object_id", "=", objectId)
      .executeTakeFirst();
    return row?.pieces;
  }

  async noteUsed(objectIds: Iterable<string>, nowMs: number): Promise<void> {
    for (const batch of batches([...objectIds])) {
      await transact(this.#db, (transaction) =>
        transaction.updateTable("objects").set({ last_used_at: nowMs }).where("object_id", "in", batch).execute(),
      );
    }
  }

  async counts(): Promise<{ entries: number; objects: number }> {
    const count = async (table: "entries" | "objects") => {
      const row = await this.#db
        .selectFrom(table)
        .select((select) => select.fn.countAll<number>().as("count"))
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    };
    return { entries: await count("entries"), objects: await count("objects") };
  }

  #entries() {
    return this.#db
      .selectFrom("entries")
      .innerJoin("objects", "objects.object_id", "entries.object_id")
      .selectAll("entries")
      .select(["objects.size", "objects.piece_size", "objects.sha256"]);
  }

  readonly #parse = (rows: Parameters<typeof entryOfRow>[0][]): CatalogEntry[] => rows.map(entryOfRow);
}

/** Replaces the tags of an entry by those that its response carries. */
async function noteTags(db: Kysely<Schema>, { site, key, variant, headers }: CatalogEntry): Promise<void> {
  const entry = { site, key, variant };
  await db
    .deleteFrom("entry_tags")
    .where("site", "=", site)
    .where("key", "=", key)
    .where("variant", "=", variant)
    .execute();
  const tags = tagsOf(headers).map((tag) => ({ ...entry, tag }));
  if (tags.length > 0) await db.insertInto("entry_tags").values(tags).execute();
}

function batches(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, i) => ids.slice(i * BATCH, (i + 1) * BATCH));
}
