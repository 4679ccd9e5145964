import type { Db } from "../db/database.ts";
import type { PrefetchTargetsTable } from "../db/schema-prefetch.ts";
import { transact } from "../db/transaction.ts";

/** A prefetch and how far it is. */
export interface PrefetchJob {
  id: string;
  site: string;
  followsPlaylists: boolean;
  /** Unix milliseconds. */
  acceptedAtMs: number;
  /** Undefined while it is being carried out. */
  doneAtMs: number | undefined;
  /** How many targets are in which state. */
  counts: Record<PrefetchState, number>;
  /** Of the bodies that were stored. */
  bytes: number;
}

/** What became of one target. */
export type PrefetchState = PrefetchTargetsTable["state"];

/** One target, by its number in the job. */
export interface PrefetchTarget {
  number: number;
  target: string;
  depth: number;
}

/** How one target ended. */
export interface TargetEnd {
  state: Exclude<PrefetchState, "waiting">;
  detail?: string | undefined;
  bytes: number;
}

const KEPT_MS = 31 * 86_400_000;
const ROWS_PER_STATEMENT = 100;
const MAX_DETAIL_CHARS = 300;

/** The prefetches' statements. */
export class PrefetchTables {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async begin(job: Omit<PrefetchJob, "counts" | "bytes">, targets: readonly string[]): Promise<void> {
    const { id, site, followsPlaylists, acceptedAtMs } = job;
    await transact(this.#db, async (transaction) => {
      await transaction
        .insertInto("prefetch_jobs")
        .values({ id, site, follows_playlists: followsPlaylists ? 1 : 0, accepted_at: acceptedAtMs, done_at: null })
        .execute();
      for (const rows of batches(rowsOf(id, targets, 0, 0)))
        await transaction.insertInto("prefetch_targets").values(rows).execute();
      await transaction
        .deleteFrom("prefetch_jobs")
        .where("accepted_at", "<", acceptedAtMs - KEPT_MS)
        .execute();
    });
  }

  /** Adds targets that a job does not have yet, up to so many in all. */
  async add(id: string, targets: readonly string[], depth: number, maxTargets: number): Promise<void> {
    await transact(this.#db, async (transaction) => {
      const rows = await transaction.selectFrom("prefetch_targets").select("target").where("job_id", "=", id).execute();
      const known = new Set(rows.map(({ target }) => target));
      const added = targets.filter((target) => !known.has(target)).slice(0, Math.max(0, maxTargets - rows.length));
      for (const batch of batches(rowsOf(id, added, rows.length, depth))) {
        await transaction.insertInto("prefetch_targets").values(batch).execute();
      }
    });
  }

  /** The next targets that nothing has become of, in order. */
  async waiting(id: string, after: number, limit: number): Promise<PrefetchTarget[]> {
    return await this.#db
      .selectFrom("prefetch_targets")
      .select(["number", "target", "depth"])
      .where("job_id", "=", id)
      .where("state", "=", "waiting")
      .where("number", ">", after)
      .orderBy("number")
      .limit(limit)
      .execute();
  }

  async end(id: string, number: number, { state, detail, bytes }: TargetEnd): Promise<void> {
    await this.#db
      .updateTable("prefetch_targets")
      .set({ state, detail: detail?.slice(0, MAX_DETAIL_CHARS) ?? null, bytes })
      .where("job_id", "=", id)
      .where("number", "=", number)
      .execute();
  }

  async done(id: string, doneAtMs: number): Promise<void> {
    await this.#db.updateTable("prefetch_jobs").set({ done_at: doneAtMs }).where("id", "=", id).execute();
  }

  async find(site: string, id: string): Promise<PrefetchJob | undefined> {
    return (await this.#jobs((query) => query.where("id", "=", id).where("site", "=", site)))[0];
  }

  /** A site's prefetches, newest first, from behind a place on. */
  async list(site: string, limit: number, after?: { acceptedAtMs: number; id: string }): Promise<PrefetchJob[]> {
    return await this.#jobs((query) => {
      const ofSite = query.where("site", "=", site).orderBy("accepted_at", "desc").orderBy("id").limit(limit);
      if (after === undefined) return ofSite;
      const { acceptedAtMs, id } = after;
      return ofSite.where(({ eb, and, or }) =>
        or([eb("accepted_at", "<", acceptedAtMs), and([eb("accepted_at", "=", acceptedAtMs), eb("id", ">", id)])]),
      );
    });
  }

  /** Prefetches that a stopped process left undone, oldest first. */
  async unfinished(): Promise<PrefetchJob[]> {
    return await this.#jobs((query) => query.where("done_at", "is", null).orderBy("accepted_at").orderBy("id"));
  }

  /** What failed or could not be stored of a job, in order. */
  async troubles(
    id: string,
    limit: number,
  ): Promise<{ target: string; state: PrefetchState; detail: string | null }[]> {
    return await this.#db
      .selectFrom("prefetch_targets")
      .select(["target", "state", "detail"])
      .where("job_id", "=", id)
      .where("state", "in", ["failed", "not-storable"])
      .orderBy("number")
      .limit(limit)
      .execute();
  }

  async #jobs(chosen: (query: ReturnType<typeof jobsQuery>) => ReturnType<typeof jobsQuery>): Promise<PrefetchJob[]> {
    const rows = await chosen(jobsQuery(this.#db)).execute();
    if (rows.length === 0) return [];
    const sums = await this.#db
      .selectFrom("prefetch_targets")
      .select((select) => ["job_id", "state", select.fn.countAll().as("count"), select.fn.sum("bytes").as("bytes")])
      .where(
        "job_id",
        "in",
        rows.map(({ id }) => id),
      )
      .groupBy(["job_id", "state"])
      .execute();
    return rows.map(({ id, site, follows_playlists, accepted_at, done_at }) => {
      const own = sums.filter((sum) => sum.job_id === id);
      const counts: PrefetchJob["counts"] = { waiting: 0, stored: 0, fresh: 0, "not-storable": 0, failed: 0 };
      for (const { state, count } of own) counts[state] = Number(count);
      return {
        ...{ id, site, followsPlaylists: follows_playlists === 1, acceptedAtMs: Number(accepted_at) },
        ...{ doneAtMs: done_at === null ? undefined : Number(done_at), counts },
        bytes: own.reduce((sum, { bytes }) => sum + Number(bytes), 0),
      };
    });
  }
}

function jobsQuery(db: Db) {
  return db.selectFrom("prefetch_jobs").selectAll();
}

function rowsOf(id: string, targets: readonly string[], first: number, depth: number): PrefetchTargetsTable[] {
  return targets.map((target, i) => ({
    ...{ job_id: id, number: first + i, target, depth },
    ...{ state: "waiting" as const, detail: null, bytes: 0 },
  }));
}

function batches<Row>(rows: readonly Row[]): Row[][] {
  const count = Math.ceil(rows.length / ROWS_PER_STATEMENT);
  return Array.from({ length: count }, (_, i) => rows.slice(i * ROWS_PER_STATEMENT, (i + 1) * ROWS_PER_STATEMENT));
}
