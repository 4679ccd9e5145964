import { KeyLinks, KeyQueue, NONE } from "../key-queue.ts";
import type { Policy, PolicyOptions } from "../policy.ts";

const ABSENT = 0;
const UNVISITED = 1;
const VISITED = 2;

/**
 * SIEVE (Zhang et al., NSDI 2024, algorithm 1): one first-in-first-out queue, a "visited" mark per object, and a hand that goes from
 * the oldest object to the newest, clears marks and evicts the first unmarked object. A hit sets the mark and moves nothing.
 */
export class Sieve implements Policy {
  readonly #capacityBytes: number;
  readonly #sizes: Float64Array;
  readonly #queue: KeyQueue;
  readonly #state: Uint8Array;
  #hand = NONE;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.#queue = new KeyQueue(new KeyLinks(sizes.length), sizes);
    this.#state = new Uint8Array(sizes.length);
  }

  get heldBytes(): number {
    return this.#queue.bytes;
  }

  request(key: number): boolean {
    if (this.#state[key] !== ABSENT) {
      this.#state[key] = VISITED;
      return true;
    }
    const size = this.#sizes[key] as number;
    if (size > this.#capacityBytes) return false;
    while (this.#queue.bytes + size > this.#capacityBytes) this.#evict();
    this.#queue.push(key);
    this.#state[key] = UNVISITED;
    return false;
  }

  #evict(): void {
    let at = this.#hand === NONE ? this.#queue.oldest : this.#hand;
    while (this.#state[at] === VISITED) {
      this.#state[at] = UNVISITED;
      const newer = this.#queue.newerThan(at);
      at = newer === NONE ? this.#queue.oldest : newer;
    }
    this.#hand = this.#queue.newerThan(at);
    this.#queue.remove(at);
    this.#state[at] = ABSENT;
  }
}
