import { SlotHeap } from "@neson/terminal/evict/slot-heap";
import type { Policy, PolicyOptions } from "../policy.ts";

/** For each request, the place of the next request for the same key; Infinity when there is none. */
export function nextUses(keys: Int32Array, keyCount: number): Float64Array {
  const next = new Float64Array(keys.length);
  const seen = new Float64Array(keyCount).fill(Number.POSITIVE_INFINITY);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] as number;
    next[i] = seen[key] as number;
    seen[key] = i;
  }
  return next;
}

/**
 * Belady's MIN, which knows the future: what is asked for again the latest goes, the newcomer itself included. With equal sizes no
 * policy has more hits. Sizes make the best choice NP-hard; then it drops the farthest whatever its size, and `boundOf` is the bound.
 */
export class Belady implements Policy {
  readonly #capacityBytes: number;
  readonly #sizes: Float64Array;
  readonly #next: Float64Array;
  /** Keyed by minus the next use, so that the farthest is the lowest. */
  readonly #heap = new SlotHeap();
  #at = 0;
  heldBytes = 0;

  /** `next` is of the very log that is replayed, from its first request. */
  constructor({ capacityBytes, sizes }: PolicyOptions, next: Float64Array) {
    this.#capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.#next = next;
  }

  request(key: number): boolean {
    const next = this.#next[this.#at++] as number;
    const isHit = this.#heap.has(key);
    if (!isHit) this.heldBytes += this.#sizes[key] as number;
    this.#heap.set(key, -next);
    while (this.heldBytes > this.#capacityBytes || this.#heap.topPriority === Number.NEGATIVE_INFINITY) {
      const victim = this.#heap.top;
      if (victim < 0) break;
      this.#heap.delete(victim);
      this.heldBytes -= this.#sizes[victim] as number;
    }
    return isHit;
  }
}
