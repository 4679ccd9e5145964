import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Db } from "../db/database.ts";
import { transact } from "../db/transaction.ts";
import type { Catalog } from "./catalog.ts";
import type { Shield } from "./shield.ts";
import { rememberPurged, removeUnnamedObjects } from "./unnamed-objects.ts";

/** Objects looked at in one step, a few ms of work. */
const LOOK_AT = 1000;
/** After a round through all objects the next begins no sooner. */
const ROUND_MS = 60_000;
/** Unnamed objects remembered from one round to the next. */
const MAX_UNNAMED = 100_000;
/** How long a Terminal that was away is still told, on its return, to delete what was purged meanwhile. */
const REMEMBERED_MS = 90 * 86_400_000;
/** Ids in one statement. */
const BATCH = 500;

/** What purging works with. */
export interface PurgesDeps {
  db: Db;
  catalog: Pick<Catalog, "remove">;
  shield: Pick<Shield, "remove">;
  /** Has every connected Terminal that holds one of them delete it, and gives how many Terminals that were. */
  tellTerminals: (objectIds: readonly string[], reason: string) => number;
  /** Objects that `tellTerminals` can take at once without holding up everything else. */
  batchSize: () => number;
  clock: Clock;
  log: Log;
}

/**
 * Takes objects out of the network: those the operator names at once, those that no entry names any more (replaced, invalidated, site removed) step
 * by step, once the tickets that may be out for them have expired.
 */
export class Purges {
  readonly #graceMs: number;
  readonly #deps: PurgesDeps;
  #cursor = "";
  #roundBeganAtMs = Number.NEGATIVE_INFINITY;
  /** When an object was first seen without an entry, by id: in the round before this one, and in this one. */
  #unnamedBefore = new Map<string, number>();
  #unnamed = new Map<string, number>();

  /** `graceMs` is how long an object stays after it was found unnamed: at least the life of a ticket. */
  constructor(options: { graceMs: number }, deps: PurgesDeps) {
    this.#graceMs = options.graceMs;
    this.#deps = deps;
  }

  /** Removes every entry that has these bytes, and the bytes here and at Terminals. A later request pulls anew. */
  async removeObject(objectId: string): Promise<{ entries: number; isKnown: boolean; terminals: number }> {
    const { db, catalog, clock } = this.#deps;
    let entries = 0;
    for (;;) {
      const rows = await db
        .selectFrom("entries")
        .select(["site", "key"])
        .distinct()
        .where("object_id", "=", objectId)
        .limit(BATCH)
        .execute();
      if (rows.length === 0) break;
      for (const { site, key } of rows) await catalog.remove(site, key);
      entries += rows.length;
    }
    const reason = "removed by the Router's operator";
    const { gone, terminals } = await this.#purge([objectId], reason);
    if (gone.length > 0) return { entries, isKnown: true, terminals };
    // Bytes that only Terminals know of, as after a lost database, are to go as well.
    const holders = this.#deps.tellTerminals([objectId], reason);
    if (holders > 0) await rememberPurged(db, [objectId], clock.nowMs());
    return { entries, isKnown: entries > 0, terminals: holders };
  }

  /** One bounded step of the search for objects that no entry names. Never rejects. */
  async step(): Promise<void> {
    try {
      await this.#step();
    } catch (error) {
      this.#deps.log.error({ err: error }, `looking for objects to purge failed: ${describeError(error)}`);
    }
  }

  /** What was purged at or after a time and not stored again since, the latest first, up to a number. */
  async purgedSince(sinceMs: number, limit: number): Promise<string[]> {
    const rows = await this.#deps.db
      .selectFrom("purged_objects")
      .select("object_id")
      .where("purged_at", ">=", sinceMs)
      .orderBy("purged_at", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => row.object_id);
  }

  /** Those among the ids that were purged and not stored again since. */
  async purgedAmong(objectIds: readonly string[]): Promise<string[]> {
    const { db } = this.#deps;
    const any = await db.selectFrom("purged_objects").select("object_id").limit(1).executeTakeFirst();
    if (any === undefined) return [];
    const purged: string[] = [];
    for (const batch of batches(objectIds)) {
      const rows = db.selectFrom("purged_objects").select("object_id").where("object_id", "in", batch);
      for (const row of await rows.execute()) purged.push(row.object_id);
    }
    return purged;
  }

  async #step(): Promise<void> {
    const { clock, db, batchSize } = this.#deps;
    const nowMs = clock.nowMs();
    if (this.#cursor === "" && nowMs - this.#roundBeganAtMs < ROUND_MS) return;
    if (this.#cursor === "") this.#roundBeganAtMs = nowMs;
    const looked = await db
      .selectFrom("objects")
      .leftJoin("entries", "entries.object_id", "objects.object_id")
      .select(["objects.object_id as objectId", "entries.site"])
      .where("objects.object_id", ">", this.#cursor)
      .orderBy("objects.object_id")
      .limit(LOOK_AT)
      .execute();
    const due: string[] = [];
    const most = Math.min(BATCH, batchSize());
    for (const { objectId, site } of looked) {
      if (due.length >= most) break;
      this.#cursor = objectId;
      if (site === null && this.#isDue(objectId, nowMs)) due.push(objectId);
    }
    if (due.length > 0) await this.#purge(due, "no site publishes it any more");
    if (looked.length < LOOK_AT && this.#cursor === (looked.at(-1)?.objectId ?? this.#cursor))
      await this.#endRound(nowMs);
  }

  #isDue(objectId: string, nowMs: number): boolean {
    const sinceMs = this.#unnamedBefore.get(objectId) ?? nowMs;
    if (nowMs - sinceMs >= this.#graceMs) return true;
    if (this.#unnamed.size < MAX_UNNAMED) this.#unnamed.set(objectId, sinceMs);
    return false;
  }

  async #endRound(nowMs: number): Promise<void> {
    this.#cursor = "";
    this.#unnamedBefore = this.#unnamed;
    this.#unnamed = new Map();
    await this.#deps.db
      .deleteFrom("purged_objects")
      .where("purged_at", "<", nowMs - REMEMBERED_MS)
      .execute();
  }

  /** Takes out those that are still unnamed; a response stored meanwhile keeps its object. */
  async #purge(objectIds: readonly string[], reason: string): Promise<{ gone: string[]; terminals: number }> {
    const gone = await this.#takeOut(objectIds);
    return { gone, terminals: gone.length === 0 ? 0 : this.#deps.tellTerminals(gone, reason) };
  }

  async #takeOut(objectIds: readonly string[]): Promise<string[]> {
    const { db, shield, clock } = this.#deps;
    const gone = await transact(db, (transaction) => removeUnnamedObjects(transaction, objectIds, clock.nowMs()));
    for (const objectId of gone) shield.remove(objectId);
    return gone;
  }
}

function batches(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, i) => ids.slice(i * BATCH, (i + 1) * BATCH));
}
