import type { ObjectState, StoredObject } from "./stored-object.ts";

/** An object as people are shown it. */
export interface StoredObjectSummary {
  objectId: string;
  /** Bytes. */
  size: number;
  /** Of its first header set; empty when it has none. */
  site: string;
  requestCount: number;
  /** Unix milliseconds; 0 for never. */
  lastUsedAtMs: number;
  state: ObjectState;
}

/** The `limit` objects that were asked for most, most first. One pass over all: for people, not for each request. */
export function popularObjects(objects: Iterable<StoredObject>, limit: number): StoredObjectSummary[] {
  let best: StoredObject[] = [];
  let least = -1;
  for (const object of objects) {
    if (object.requestCount <= least) continue;
    best.push(object);
    if (best.length < 2 * limit + 16) continue;
    best = mostRequested(best, limit);
    least = best.at(-1)?.requestCount ?? -1;
  }
  return mostRequested(best, limit).map(summaryOf);
}

function mostRequested(objects: StoredObject[], limit: number): StoredObject[] {
  return objects.sort((a, b) => b.requestCount - a.requestCount).slice(0, limit);
}

function summaryOf({
  objectId,
  size,
  headerSets,
  requestCount,
  lastUsedAtMs,
  state,
}: StoredObject): StoredObjectSummary {
  const [first] = headerSets.values();
  return { objectId, size, site: first?.site ?? "", requestCount, lastUsedAtMs, state };
}
