import { KeyLinks, KeyQueue } from "../key-queue.ts";
import type { Policy, PolicyOptions } from "../policy.ts";

const ABSENT = 0;
const SMALL = 1;
const MAIN = 2;
const GHOST = 3;

/** The small queue's share of the capacity. */
const SMALL_SHARE = 0.1;
const MAX_FREQUENCY = 3;
/** Hits in the small queue from which an object moves to the main one. */
const PROMOTED_FROM = 2;

/**
 * S3-FIFO (Yang et al., SOSP 2023, algorithm 1): newcomers enter a small queue of 10% of the capacity, from where those hit more than
 * once go to the main queue and the others leave a ghost; a request for a ghost enters the main queue at once; the main queue gives
 * an object one more round for each of at most three hits. There are as many ghost bytes as main bytes.
 */
export class S3Fifo implements Policy {
  readonly #capacityBytes: number;
  readonly #smallBytes: number;
  readonly #sizes: Float64Array;
  readonly #small: KeyQueue;
  readonly #main: KeyQueue;
  readonly #ghosts: KeyQueue;
  readonly #place: Uint8Array;
  readonly #frequency: Uint8Array;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#smallBytes = capacityBytes * SMALL_SHARE;
    this.#sizes = sizes;
    const links = new KeyLinks(sizes.length);
    this.#small = new KeyQueue(links, sizes);
    this.#main = new KeyQueue(links, sizes);
    this.#ghosts = new KeyQueue(links, sizes);
    this.#place = new Uint8Array(sizes.length);
    this.#frequency = new Uint8Array(sizes.length);
  }

  get heldBytes(): number {
    return this.#small.bytes + this.#main.bytes;
  }

  request(key: number): boolean {
    const place = this.#place[key];
    if (place === SMALL || place === MAIN) {
      this.#frequency[key] = Math.min(MAX_FREQUENCY, (this.#frequency[key] as number) + 1);
      return true;
    }
    const size = this.#sizes[key] as number;
    if (size > this.#capacityBytes) return false;
    if (place === GHOST) this.#ghosts.remove(key);
    while (this.heldBytes + size > this.#capacityBytes) this.#evict();
    this.#frequency[key] = 0;
    this.#place[key] = place === GHOST ? MAIN : SMALL;
    (place === GHOST ? this.#main : this.#small).push(key);
    return false;
  }

  #evict(): void {
    if (this.#small.count > 0 && (this.#small.bytes >= this.#smallBytes || this.#main.count === 0)) this.#evictSmall();
    else this.#evictMain();
  }

  /** Ends with at most one object gone; none when every object of the small queue moved on. */
  #evictSmall(): void {
    while (this.#small.count > 0) {
      const key = this.#small.oldest;
      this.#small.remove(key);
      if ((this.#frequency[key] as number) < PROMOTED_FROM) {
        this.#leaveGhost(key);
        return;
      }
      this.#frequency[key] = 0;
      this.#place[key] = MAIN;
      this.#main.push(key);
    }
  }

  #evictMain(): void {
    for (;;) {
      const key = this.#main.oldest;
      const frequency = this.#frequency[key] as number;
      if (frequency === 0) {
        this.#main.remove(key);
        this.#place[key] = ABSENT;
        return;
      }
      this.#frequency[key] = frequency - 1;
      this.#main.renew(key);
    }
  }

  #leaveGhost(key: number): void {
    this.#place[key] = GHOST;
    this.#ghosts.push(key);
    while (this.#ghosts.bytes > this.#capacityBytes - this.#smallBytes) {
      const oldest = this.#ghosts.oldest;
      this.#ghosts.remove(oldest);
      this.#place[oldest] = ABSENT;
    }
  }
}
