/** No key: the end of a queue. */
export const NONE = -1;

/** Links of keys 0 … count − 1, shared by queues of which each key is in one at most. */
export class KeyLinks {
  readonly older: Int32Array;
  readonly newer: Int32Array;

  constructor(count: number) {
    this.older = new Int32Array(count).fill(NONE);
    this.newer = new Int32Array(count).fill(NONE);
  }
}

/** A queue of keys with removal from its middle, each operation O(1); knows the bytes of its objects. */
export class KeyQueue {
  readonly #links: KeyLinks;
  readonly #sizes: Float64Array;
  /** The key that was put in last, or NONE. */
  newest = NONE;
  /** The key that was put in first, or NONE. */
  oldest = NONE;
  bytes = 0;
  count = 0;

  constructor(links: KeyLinks, sizes: Float64Array) {
    this.#links = links;
    this.#sizes = sizes;
  }

  /** The key put in right after this one, or NONE. */
  newerThan(key: number): number {
    return this.#links.newer[key] as number;
  }

  /** Puts in a key that is in no queue of these links. */
  push(key: number): void {
    const { older, newer } = this.#links;
    older[key] = this.newest;
    newer[key] = NONE;
    if (this.newest === NONE) this.oldest = key;
    else newer[this.newest] = key;
    this.newest = key;
    this.bytes += this.#sizes[key] as number;
    this.count++;
  }

  /** Takes out a key that is in this queue. */
  remove(key: number): void {
    const { older, newer } = this.#links;
    const before = older[key] as number;
    const after = newer[key] as number;
    if (before === NONE) this.oldest = after;
    else newer[before] = after;
    if (after === NONE) this.newest = before;
    else older[after] = before;
    this.bytes -= this.#sizes[key] as number;
    this.count--;
  }

  /** Moves a key of this queue to its newest end. */
  renew(key: number): void {
    if (this.newest === key) return;
    this.remove(key);
    this.push(key);
  }
}
