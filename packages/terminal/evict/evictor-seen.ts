import { fingerprint } from "./fingerprint.ts";

/** Remembered at most; the oldest are forgotten. About 4 MB. */
const MAX_SEEN = 65_536;

/** Objects that were asked for once and had to go: who is asked for again has had its second request. */
export class SeenObjects {
  /** Oldest first. */
  readonly #prints = new Set<number>();

  add(objectId: string): void {
    const print = fingerprint(objectId);
    this.#prints.delete(print);
    this.#prints.add(print);
    if (this.#prints.size <= MAX_SEEN) return;
    for (const oldest of this.#prints) {
      this.#prints.delete(oldest);
      return;
    }
  }

  has(objectId: string): boolean {
    return this.#prints.has(fingerprint(objectId));
  }
}
