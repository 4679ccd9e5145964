import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { describesObject } from "@neson/protocol/object";
import type { Layout } from "./layout.ts";
import type { ObjectRows } from "./object-rows.ts";
import type { ObjectStore } from "./object-store.ts";
import { verifyFile } from "./start-check.ts";
import type { StoredObject } from "./stored-object.ts";

/** Objects taken from the index at once; a crash repeats at most so many checks. */
const BATCH = 64;
/** A round over everything takes at least this, however little there is: a small store need not be read all the time. */
const MIN_ROUND_MS = 3_600_000;
/** Where there is nothing to do, or the disk is not well, the next look comes after this. */
const IDLE_MS = 60_000;

/** What scrubbing needs. */
export interface ScrubDeps {
  store: ObjectStore;
  rows: ObjectRows;
  layout: Layout;
  clock: Clock;
  log: Log;
}

/**
 * Rereads whole objects for ever, slowly, those first whose last check is the longest ago, in search of bytes that the disk has
 * altered. The order is kept in the index, so that a restart goes on where the last run was. A bad piece makes its object partial;
 * whoever observes the store fetches that piece again.
 */
export class Scrub implements AsyncDisposable {
  readonly #bytesPerSecond: number;
  readonly #deps: ScrubDeps;
  readonly #stopping = new AbortController();
  #pass: Promise<void> = Promise.resolve();
  /** When the bytes read so far should have been read, in the clock's time. */
  #dueMs = 0;

  constructor(bytesPerSecond: number, deps: ScrubDeps) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#deps = deps;
  }

  /** Begins once `after` has resolved, which must not reject: the start check comes first. */
  start(after: Promise<void>): void {
    this.#pass = after.then(() => this.#scrubForEver()).catch(() => {}); // only its stop ends it
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("the Terminal is stopping"));
    await this.#pass;
  }

  async #scrubForEver(): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      const startMs = clock.nowMs();
      let waitMs = IDLE_MS;
      try {
        if ((await this.#scrubRound()) > 0) waitMs = MIN_ROUND_MS - Math.max(0, clock.nowMs() - startMs);
      } catch (error) {
        this.#stopping.signal.throwIfAborted();
        log.error({ err: error }, `scrubbing failed, going on in a minute: ${describeError(error)}`);
      }
      await this.#sleep(waitMs);
    }
  }

  /** Everything that was whole at its beginning, once. Returns how many objects that were. */
  async #scrubRound(): Promise<number> {
    const { rows } = this.#deps;
    const upTo = rows.lastCheck();
    let count = 0;
    for (;;) {
      const objectIds = rows.leastChecked(upTo, BATCH);
      if (objectIds.length === 0) return count;
      await this.#scrubAll(objectIds);
      count += objectIds.length;
    }
  }

  async #scrubAll(objectIds: readonly string[]): Promise<void> {
    const { store, rows } = this.#deps;
    for (const objectId of objectIds) {
      while (!store.disk.isWritable) await this.#sleep(IDLE_MS);
      const object = store.find(objectId);
      if (object !== undefined && object.state !== "partial") await this.#scrub(object);
    }
    rows.noteChecked(objectIds);
  }

  async #scrub(object: StoredObject): Promise<void> {
    const { store, layout, log } = this.#deps;
    const { signal } = this.#stopping;
    const description = store.describe(object);
    if (description === undefined || !describesObject(description)) {
      log.warn({ objectId: object.objectId }, "the index describes another object than its id says: row removed");
      store.disown(object);
      return;
    }
    const pace = (bytes: number) => this.#pace(bytes);
    try {
      store.setWhole(object, await verifyFile(layout.objectPath(object.objectId), description, pace, signal));
    } catch (error) {
      signal.throwIfAborted();
      this.#judge(object, describeError(error));
    }
  }

  /** It may have been deleted or evicted while it was read, or the disk may be gone with everything on it: neither is a bad piece. */
  #judge(object: StoredObject, reason: string): void {
    const { store, log } = this.#deps;
    store.disk.look();
    if (!store.disk.isWritable || store.find(object.objectId) !== object || object.state === "partial") return;
    log.warn(
      { objectId: object.objectId, reason },
      "a stored object has changed on disk: what is bad of it is fetched again",
    );
    store.setDamaged(object);
  }

  /** Keeps to the rate; time in which nothing was read is not made up for. */
  async #pace(bytes: number): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    const isAdrift = this.#dueMs < nowMs || this.#dueMs > nowMs + 10_000;
    this.#dueMs = (isAdrift ? nowMs : this.#dueMs) + (bytes / this.#bytesPerSecond) * 1000;
    if (this.#dueMs - nowMs > 5) await this.#sleep(this.#dueMs - nowMs);
  }

  async #sleep(ms: number): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    if (ms > 0) await this.#deps.clock.sleep(ms, this.#stopping.signal);
  }
}
