/** Which ids were noted within the last `lifeMs`; of more than `maxIds` the oldest are forgotten. Each call is O(1) on the mean. */
export class RecentIds {
  readonly #lifeMs: number;
  readonly #maxIds: number;
  /** Time by id, oldest first. */
  readonly #notedAtMs = new Map<string, number>();

  constructor(options: { lifeMs: number; maxIds: number }) {
    this.#lifeMs = options.lifeMs;
    this.#maxIds = options.maxIds;
  }

  note(id: string, nowMs: number): void {
    this.#notedAtMs.delete(id);
    this.#notedAtMs.set(id, nowMs);
    for (const [oldest, atMs] of this.#notedAtMs) {
      if (this.#notedAtMs.size <= this.#maxIds && nowMs - atMs < this.#lifeMs) return;
      this.#notedAtMs.delete(oldest);
    }
  }

  has(id: string, nowMs: number): boolean {
    return nowMs - (this.#notedAtMs.get(id) ?? Number.NEGATIVE_INFINITY) < this.#lifeMs;
  }
}
