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
  /** Undefined while something may still come in that was asked for before it. */
  settledAtMs: number | undefined;
  /** Entries it was aimed at when it began. */
  found: number;
  /** Entries removed or made stale so far. */
  entries: number;
  /** Objects whose bytes went, since nothing publishes them any more. */
  objects: number;
  /** Terminals told since this process took the purge up. */
  terminals: number;
  /** Those of them that did not confirm it in time. */
  unconfirmed: number;
  /** Those of them that left before they confirmed it. */
  absent: number;
}

/** Where a list of jobs goes on. */
export interface JobPlace {
  acceptedAtMs: number;
  id: string;
}

const KEPT_MS = 31 * 86_400_000;

/** The purges' own statements. */
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
      .where("settled_at", "is not", null)
      .execute();
  }

  /** Writes down what a purge found and which Terminals it reached; its entries and objects are counted as they go. */
  async note({ id, doneAtMs, settledAtMs, found, terminals, unconfirmed, absent }: PurgeJob): Promise<void> {
    await this.#db
      .updateTable("purge_jobs")
      .set({ done_at: doneAtMs ?? null, settled_at: settledAtMs ?? null, found, terminals, unconfirmed, absent })
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

  /** A site's purges, newest first, from behind a place on. */
  async list(site: string, limit: number, after?: JobPlace): Promise<PurgeJob[]> {
    const rows = await this.#db
      .selectFrom("purge_jobs")
      .selectAll()
      .where("site", "=", site)
      .$if(after !== undefined, (query) =>
        query.where(({ eb, and, or }) =>
          or([
            eb("accepted_at", "<", after?.acceptedAtMs ?? 0),
            and([eb("accepted_at", "=", after?.acceptedAtMs ?? 0), eb("id", ">", after?.id ?? "")]),
          ]),
        ),
      )
      .orderBy("accepted_at", "desc")
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map(jobOf);
  }

  /** Purges that a stopped process left undone, or unsettled. */
  async unfinished(): Promise<PurgeJob[]> {
    const rows = await this.#db.selectFrom("purge_jobs").selectAll().where("settled_at", "is", null).execute();
    return rows.map(jobOf);
  }
}

function rowOf(job: PurgeJob): PurgeJobsTable {
  const { id, order, acceptedAtMs, doneAtMs, settledAtMs, ...counts } = job;
  const aim = { site: order.site, by: order.by, value: order.value, mode: order.mode };
  const times = { accepted_at: acceptedAtMs, done_at: doneAtMs ?? null, settled_at: settledAtMs ?? null };
  return { id, ...aim, ...times, ...counts };
}

function jobOf(row: PurgeJobsTable): PurgeJob {
  return {
    id: row.id,
    order: { site: row.site, by: row.by, value: row.value, mode: row.mode },
    acceptedAtMs: Number(row.accepted_at),
    doneAtMs: row.done_at === null ? undefined : Number(row.done_at),
    settledAtMs: row.settled_at === null ? undefined : Number(row.settled_at),
    found: Number(row.found),
    entries: Number(row.entries),
    objects: Number(row.objects),
    terminals: Number(row.terminals),
    unconfirmed: Number(row.unconfirmed),
    absent: Number(row.absent),
  };
}
