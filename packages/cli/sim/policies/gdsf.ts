import { SlotHeap } from "@neson/terminal/evict/slot-heap";
import type { Policy, PolicyOptions } from "../policy.ts";

/**
 * Greedy-Dual-Size-Frequency (Cherkasova 1998; cost 1, so that it aims at object hits): priority = L + frequency / size, set at every
 * request; the lowest goes first and L becomes its priority. The frequency starts at 1 whenever the object comes in. Among equals
 * the one not asked for the longest goes.
 */
export class Gdsf implements Policy {
  readonly #capacityBytes: number;
  readonly #sizes: Float64Array;
  readonly #frequency: Float64Array;
  readonly #heap = new SlotHeap();
  #inflation = 0;
  #now = 0;
  heldBytes = 0;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.#frequency = new Float64Array(sizes.length);
  }

  request(key: number): boolean {
    this.#now++;
    const size = this.#sizes[key] as number;
    const isHit = this.#heap.has(key);
    if (!isHit) {
      if (size > this.#capacityBytes) return false;
      while (this.heldBytes + size > this.#capacityBytes) this.#evict();
      this.#frequency[key] = 0;
      this.heldBytes += size;
    }
    const frequency = (this.#frequency[key] as number) + 1;
    this.#frequency[key] = frequency;
    this.#heap.set(key, this.#inflation + frequency / size, this.#now);
    return isHit;
  }

  #evict(): void {
    const victim = this.#heap.top;
    this.#inflation = this.#heap.topPriority;
    this.#heap.delete(victim);
    this.heldBytes -= this.#sizes[victim] as number;
  }
}
