import type { Db } from "../db/database.ts";
import type { PurgeJobsTable } from "../db/schema-purge.ts";
import type { PurgeOrder } from "./order.ts";

/** How far a purge is. */
export interface PurgeJob {
  id: string;
  order: PurgeOrder;
  /** Unix milliseconds. */
  acceptedAtMs: number;
  /** Undefined while it is being carried out. */
  doneAtMs: number | undefined;
  entries: number;
  objects: number;
  terminals: number;
  unconfirmed: number;
}

/** Keys of one step. */
const KEYS_PER_STEP = 500;
const KEPT_MS = 31 * 86_400_000;

/** The purges' statements. */
export class PurgeTables {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async begin(job: PurgeJob): Promise<void> {
    await this.#db.insertInto("purge_jobs").values(rowOf(job)).execute();
    await this.#db
      .deleteFrom("purge_jobs")
      .where("accepted_at", "<", job.acceptedAtMs - KEPT_MS)
      .execute();
  }

  async note({ id, doneAtMs, entries, objects, terminals, unconfirmed }: PurgeJob): Promise<void> {
    await this.#db
      .updateTable("purge_jobs")
      .set({ done_at: doneAtMs ?? null, entries, objects, terminals, unconfirmed })
      .where("id", "=", id)
      .execute();
  }

  async find(site: string, id: string): Promise<PurgeJob | undefined> {
    const row = await this.#db
      .selectFrom("purge_jobs")
      .selectAll()
      .where("id", "=", id)
      .where("site", "=", site)
      .executeTakeFirst();
    return row === undefined ? undefined : jobOf(row);
  }

  /** A site's purges, newest first. */
  async list(site: string, limit: number): Promise<PurgeJob[]> {
    const rows = await this.#db
      .selectFrom("purge_jobs")
      .selectAll()
      .where("site", "=", site)
      .orderBy("accepted_at", "desc")
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map(jobOf);
  }

  /** Purges that a stopped process left undone. */
  async unfinished(): Promise<PurgeJob[]> {
    const rows = await this.#db.selectFrom("purge_jobs").selectAll().where("done_at", "is", null).execute();
    return rows.map(jobOf);
  }

  /** The next stored keys, in order, that an order may be aimed at; empty at the end. */
  async keysAfter(order: PurgeOrder, after: string): Promise<string[]> {
    const { site, by, value } = order;
    if (by === "url") return after === "" ? [value] : [];
    if (by === "tag") {
      const tagged = await this.#db
        .selectFrom("entry_tags")
        .select("key")
        .distinct()
        .where("site", "=", site)
        .where("tag", "=", value)
        .where("key", ">", after)
        .orderBy("key")
        .limit(KEYS_PER_STEP)
        .execute();
      return tagged.map(({ key }) => key);
    }
    const rows = await this.#db
      .selectFrom("entries")
      .select("key")
      .distinct()
      .where("site", "=", site)
      .where("key", ">", after)
      .orderBy("key")
      .limit(KEYS_PER_STEP)
      .execute();
    return rows.map(({ key }) => key);
  }

  /** Removes what is stored for keys and was asked for up to then; gives the number of entries and their objects. */
  async remove(site: string, keys: readonly string[], atMs: number): Promise<{ entries: number; objectIds: string[] }> {
    const rows = await this.#db
      .deleteFrom("entries")
      .where("site", "=", site)
      .where("key", "in", keys)
      .where("request_time_ms", "<=", atMs)
      .returning("object_id")
      .execute();
    return { entries: rows.length, objectIds: [...new Set(rows.map((row) => row.object_id))] };
  }

  /** Makes stale what is stored for keys and was asked for up to then; gives the number of entries. */
  async age(site: string, keys: readonly string[], atMs: number): Promise<number> {
    const result = await this.#db
      .updateTable("entries")
      .set({ stale_since: atMs })
      .where("site", "=", site)
      .where("key", "in", keys)
      .where("request_time_ms", "<=", atMs)
      .where("stale_since", "is", null)
      .executeTakeFirst();
    return Number(result.numUpdatedRows);
  }
}

function rowOf(job: PurgeJob): PurgeJobsTable {
  const { id, order, acceptedAtMs, doneAtMs, entries, objects, terminals, unconfirmed } = job;
  const aim = { site: order.site, by: order.by, value: order.value, mode: order.mode };
  return { id, ...aim, accepted_at: acceptedAtMs, done_at: doneAtMs ?? null, entries, objects, terminals, unconfirmed };
}

function jobOf(row: PurgeJobsTable): PurgeJob {
  return {
    id: row.id,
    order: { site: row.site, by: row.by, value: row.value, mode: row.mode },
    acceptedAtMs: Number(row.accepted_at),
    doneAtMs: row.done_at === null ? undefined : Number(row.done_at),
    entries: Number(row.entries),
    objects: Number(row.objects),
    terminals: row.terminals,
    unconfirmed: row.unconfirmed,
  };
}
