/** What the cache needs to know of a thing it keeps. */
export interface Cacheable {
  readonly size: number;
  memory: Uint8Array | undefined;
  wasHit: boolean;
}

/** An object may take at most this share of the budget. */
const LARGEST_SHARE = 1 / 8;

/**
 * Whole objects in memory, within a budget of bytes. The bytes hang on the object itself, so that a hit costs one field
 * read and one field write; what to drop is decided by second chance (CLOCK), which comes close to LRU without any
 * list to keep in order on every hit.
 */
export class MemoryCache {
  readonly #budgetBytes: number;
  /** In the order of the clock's hand: the first is looked at next. */
  readonly #entries = new Set<Cacheable>();
  #usedBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether an object of that size may be kept at all. */
  admits(size: number): boolean {
    return size <= this.#budgetBytes * LARGEST_SHARE;
  }

  /** Keeps the object's bytes, dropping what was not asked for lately. */
  keep(object: Cacheable, bytes: Uint8Array): void {
    if (!this.admits(object.size) || object.memory !== undefined) return;
    this.#makeRoom(object.size);
    object.memory = bytes;
    object.wasHit = false;
    this.#entries.add(object);
    this.#usedBytes += object.size;
  }

  drop(object: Cacheable): void {
    if (!this.#entries.delete(object)) return;
    object.memory = undefined;
    this.#usedBytes -= object.size;
  }

  #makeRoom(bytes: number): void {
    for (const object of this.#entries) {
      if (this.#usedBytes + bytes <= this.#budgetBytes) return;
      if (object.wasHit) {
        // Back to the end of the round; a set walks over what is added while it is walked.
        object.wasHit = false;
        this.#entries.delete(object);
        this.#entries.add(object);
      } else {
        this.drop(object);
      }
    }
  }
}
