import type { ObjectStore } from "../store/object-store.ts";
import type { StoreObserver } from "../store/store-observer.ts";
import { ADMITTED_REQUESTS, type StoredObject } from "../store/stored-object.ts";
import type { RankRows } from "./evictor-rank-rows.ts";
import { SeenObjects } from "./evictor-seen.ts";
import type { AgedFreq } from "./priority.ts";

/** What is asked of an eviction policy: AgedFreq in production. */
export type EvictionPolicy = Pick<
  AgedFreq,
  "setCapacity" | "request" | "add" | "remove" | "evicted" | "victims" | "stateOf" | "restore"
>;

/** What the books are kept from. */
export interface EvictorBooksDeps {
  store: ObjectStore;
  policy: EvictionPolicy;
  ranks: RankRows;
}

/** Tells the eviction policy what comes, is asked for and goes, and keeps its ranks in the index, so that they outlive the process. */
export class EvictorBooks implements StoreObserver {
  readonly #deps: EvictorBooksDeps;
  readonly #seen = new SeenObjects();
  /** Came in by a request, which the policy was told of then; the store tells of it once more. */
  readonly #counted = new Set<StoredObject>();
  /** Whose rank in the index is not what the policy says. */
  readonly #unsaved = new Set<string>();
  #isEvicting = false;

  /** Takes over what the store holds, with the ranks that it had before a restart. */
  constructor(deps: EvictorBooksDeps) {
    this.#deps = deps;
    const { store, policy, ranks } = deps;
    policy.setCapacity(store.quotaBytes);
    const known = ranks.all();
    for (const { objectId, size } of store.all()) {
      const rank = known.get(objectId);
      if (rank === undefined) policy.add(objectId, size);
      else policy.restore(objectId, size, rank);
    }
    for (const objectId of known.keys()) if (store.find(objectId) === undefined) this.#unsaved.add(objectId);
    store.observe(this);
  }

  added(object: StoredObject): void {
    const { store, policy } = this.#deps;
    const { objectId, size, isPlaced } = object;
    if (!isPlaced) {
      if (this.#seen.has(objectId)) store.admit(object);
      policy.request(objectId, size);
      this.#counted.add(object);
    }
    policy.add(objectId, size);
    this.#unsaved.add(objectId);
  }

  removed(object: StoredObject): void {
    const { policy } = this.#deps;
    const { objectId } = object;
    this.#counted.delete(object);
    this.#unsaved.add(objectId);
    if (object.requestCount > 0 && !object.isAdmitted) this.#seen.add(objectId);
    if (this.#isEvicting) policy.evicted(objectId);
    else policy.remove(objectId);
  }

  quotaChanged(): void {
    this.#deps.policy.setCapacity(this.#deps.store.quotaBytes);
  }

  /** What is removed in the course of this goes for lack of requests: the policy is to remember it. */
  whileEvicting<T>(act: () => T): T {
    this.#isEvicting = true;
    try {
      return act();
    } finally {
      this.#isEvicting = false;
    }
  }

  /** Passes on the requests since the last time. What was asked for again, or came for the second time, is admitted. */
  takeUses(): void {
    const { store, policy } = this.#deps;
    store.takeUses((object, count) => {
      const { objectId, size } = object;
      this.#unsaved.add(objectId);
      for (let i = this.#counted.delete(object) ? 1 : 0; i < count; i++) policy.request(objectId, size);
      if (!object.isAdmitted && object.requestCount >= ADMITTED_REQUESTS) store.admit(object);
    });
  }

  /**
   * Writes to the index what has changed of the policy's ranks, for up to `limit` objects.
   *
   * @throws Error of the index; what was to be written is written the next time
   */
  flush(limit: number): void {
    const objectIds: string[] = [];
    for (const objectId of this.#unsaved) {
      if (objectIds.length >= limit) break;
      objectIds.push(objectId);
    }
    if (objectIds.length === 0) return;
    const { policy, ranks } = this.#deps;
    ranks.save(objectIds, (objectId) => policy.stateOf(objectId));
    for (const objectId of objectIds) this.#unsaved.delete(objectId);
  }
}
