/** Retries for each request, on average: an origin that is down meets at most so much more load. */
const SHARE = 0.2;
/** Retries that a quiet site may make at once. */
const MAX_SAVED = 10;

/** How many retries a site may still make: a fifth of its requests, so that an outage is not multiplied. */
export class RetryBudget {
  readonly #saved = new Map<string, number>();

  /** A first request. */
  earn(site: string): void {
    this.#saved.set(site, Math.min(MAX_SAVED, (this.#saved.get(site) ?? MAX_SAVED) + SHARE));
  }

  /** True, and one retry less, when there is one left. */
  spend(site: string): boolean {
    const saved = this.#saved.get(site) ?? MAX_SAVED;
    if (saved < 1) return false;
    this.#saved.set(site, saved - 1);
    return true;
  }

  /** Forgets sites that are no more. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#saved.keys()) if (!names.has(name)) this.#saved.delete(name);
  }
}
