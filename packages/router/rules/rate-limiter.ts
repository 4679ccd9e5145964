/** How often something may happen. */
export interface Rate {
  /** From one to the next once the burst is used up, milliseconds. */
  intervalMs: number;
  /** How many may come at once. */
  burst: number;
}

/**
 * Token buckets in bounded memory. A bucket is one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T
 * I.371), so it needs no timer. Buckets live in two generations: when the young one is full, it becomes the old one and the former old one is
 * forgotten, whereas whoever asks meanwhile moves up. At most `maxBuckets` are kept, about 300 bytes each.
 */
export class RateLimiter {
  readonly #maxYoung: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  constructor({ maxBuckets }: { maxBuckets: number }) {
    this.#maxYoung = Math.max(1, Math.floor(maxBuckets / 2));
  }

  /** Takes one from a bucket: 0 when there was one, else after how many milliseconds there will be. */
  take(key: string, { intervalMs, burst }: Rate, nowMs: number): number {
    const capacityMs = intervalMs * burst;
    let fullAtMs = this.#young.get(key) ?? this.#old.get(key) ?? nowMs;
    // A clock that was set back must not keep anyone out for longer than a whole bucket.
    if (fullAtMs < nowMs || fullAtMs > nowMs + capacityMs) fullAtMs = nowMs;
    const waitMs = fullAtMs + intervalMs - nowMs - capacityMs;
    const isAllowed = waitMs <= 0;
    this.#keep(key, isAllowed ? fullAtMs + intervalMs : fullAtMs);
    return isAllowed ? 0 : waitMs;
  }

  /** Buckets in memory. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #keep(key: string, fullAtMs: number): void {
    if (!this.#young.has(key) && this.#young.size >= this.#maxYoung) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, fullAtMs);
  }
}
