import { KeyLinks, KeyQueue } from "../key-queue.ts";
import type { Policy, PolicyOptions } from "../policy.ts";

/** Least recently used: what was not asked for the longest goes first. */
export class Lru implements Policy {
  readonly #capacityBytes: number;
  readonly #sizes: Float64Array;
  readonly #queue: KeyQueue;
  readonly #held: Uint8Array;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.#queue = new KeyQueue(new KeyLinks(sizes.length), sizes);
    this.#held = new Uint8Array(sizes.length);
  }

  get heldBytes(): number {
    return this.#queue.bytes;
  }

  request(key: number): boolean {
    if (this.#held[key] === 1) {
      this.#queue.renew(key);
      return true;
    }
    const size = this.#sizes[key] as number;
    if (size > this.#capacityBytes) return false;
    while (this.#queue.bytes + size > this.#capacityBytes) {
      const victim = this.#queue.oldest;
      this.#queue.remove(victim);
      this.#held[victim] = 0;
    }
    this.#queue.push(key);
    this.#held[key] = 1;
    return false;
  }
}
