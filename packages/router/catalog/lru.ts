interface Item<V> {
  value: V;
  cost: number;
  used: boolean;
}

/**
 * A map bounded by the summed cost of its items, for values read far more often than written. A read only sets a flag, so it costs one
 * look-up; an insertion that exceeds the bound drops the oldest items that were not read since they were last passed over (CLOCK).
 */
export class Lru<V> {
  readonly #items = new Map<string, Item<V>>();
  readonly #maxCost: number;
  /** Goes round and round. Starting anew each time would mean to pass over all that was deleted since the map last tidied itself. */
  #hand = this.#items.entries();
  #cost = 0;

  /** `maxCost` is in whatever unit `set` counts, usually bytes. */
  constructor(maxCost: number) {
    this.#maxCost = maxCost;
  }

  get size(): number {
    return this.#items.size;
  }

  get cost(): number {
    return this.#cost;
  }

  get(key: string): V | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    item.used = true;
    return item.value;
  }

  /** Keeps the value, or (if it alone exceeds the bound) nothing under that key. */
  set(key: string, value: V, cost: number): void {
    this.delete(key);
    if (cost > this.#maxCost) return;
    this.#items.set(key, { value, cost, used: false });
    this.#cost += cost;
    while (this.#cost > this.#maxCost) this.#dropOne();
  }

  delete(key: string): boolean {
    const item = this.#items.get(key);
    if (item === undefined) return false;
    this.#cost -= item.cost;
    return this.#items.delete(key);
  }

  /** Deletes every item whose key the predicate accepts. */
  deleteWhere(matches: (key: string) => boolean): void {
    for (const key of this.#items.keys()) if (matches(key)) this.delete(key);
  }

  /** Ends: each pass clears a flag or drops an item. */
  #dropOne(): void {
    for (;;) {
      const { value: next } = this.#hand.next();
      if (next === undefined) {
        this.#hand = this.#items.entries();
        continue;
      }
      const [key, item] = next;
      if (!item.used) {
        this.delete(key);
        return;
      }
      item.used = false;
    }
  }
}
