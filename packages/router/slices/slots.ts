/** Bounds how much is under way at once for each site, first come, first served. */
export class Slots {
  readonly #perSite: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(perSite: number) {
    this.#perSite = perSite;
  }

  /** Waits for a slot; the function that comes back gives it away, and may be called again without harm. */
  async take(site: string): Promise<() => void> {
    const taken = this.#taken.get(site) ?? 0;
    if (taken < this.#perSite) this.#taken.set(site, taken + 1);
    else {
      const { promise, resolve } = Promise.withResolvers<void>();
      const queue = this.#waiting.get(site);
      if (queue === undefined) this.#waiting.set(site, [resolve]);
      else queue.push(resolve);
      // Whoever gave the slot away has counted it as taken.
      await promise;
    }
    let isMine = true;
    return () => {
      if (isMine) this.#give(site);
      isMine = false;
    };
  }

  #give(site: string): void {
    const queue = this.#waiting.get(site);
    const next = queue?.shift();
    if (queue?.length === 0) this.#waiting.delete(site);
    if (next !== undefined) next();
    else {
      const left = (this.#taken.get(site) ?? 1) - 1;
      if (left === 0) this.#taken.delete(site);
      else this.#taken.set(site, left);
    }
  }
}
