import type { ObjectRows } from "./object-rows.ts";
import type { StoredObject } from "./stored-object.ts";

/** Requests to objects, counted at each hit in a few additions, and handed on in bulk: to the eviction policy and to the index. */
export class UseCounts {
  /** With requests that nobody has taken yet, in the order of their first. */
  #fresh: StoredObject[] = [];
  /** Taken, and not in the index. */
  readonly #unsaved = new Set<StoredObject>();

  /** Counts a request; one of a visit that was counted already only shows that the object is in use. */
  note(object: StoredObject, nowMs: number, isNewVisit: boolean): void {
    object.lastUsedAtMs = nowMs;
    object.wasHit = true;
    if (!isNewVisit) return;
    object.requestCount++;
    if (object.newUseCount++ === 0) this.#fresh.push(object);
  }

  /** Tells, and forgets, how often each object was asked for since the last time. */
  take(tell: (object: StoredObject, count: number) => void): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const object of fresh) {
      const count = object.newUseCount;
      object.newUseCount = 0;
      this.#unsaved.add(object);
      tell(object, count);
    }
  }

  /** Writes the counts of up to `limit` objects to the index. What fails stays to be written. */
  flush(rows: ObjectRows, limit: number): void {
    const touched = firstOf(limit, this.#unsaved, this.#fresh);
    if (touched.length === 0) return;
    rows.updateUse(touched);
    for (const object of touched) this.#unsaved.delete(object);
  }
}

function firstOf<T>(limit: number, ...sources: Iterable<T>[]): T[] {
  const items: T[] = [];
  for (const source of sources) {
    for (const item of source) {
      if (items.length >= limit) return items;
      items.push(item);
    }
  }
  return items;
}
