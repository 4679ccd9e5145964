/** What Terminals answered when they were told of a purge, by their ids. */
export interface TerminalsAsked {
  told: readonly string[];
  /** Those of them that did not confirm it in time. */
  unconfirmed: readonly string[];
  /** Those of them that left before they did. */
  absent: readonly string[];
}

/** The Terminals that one purge reached, each counted once however often it was told something. */
export class TerminalsOfJob {
  readonly #told = new Set<string>();
  readonly #unconfirmed = new Set<string>();
  readonly #absent = new Set<string>();

  add({ told, unconfirmed, absent }: TerminalsAsked): void {
    for (const id of told) this.#told.add(id);
    for (const id of unconfirmed) this.#unconfirmed.add(id);
    for (const id of absent) this.#absent.add(id);
  }

  /** One that left counts as absent, whatever else it failed to confirm. */
  counts(): { terminals: number; unconfirmed: number; absent: number } {
    const silent = [...this.#unconfirmed].filter((id) => !this.#absent.has(id));
    return { terminals: this.#told.size, unconfirmed: silent.length, absent: this.#absent.size };
  }
}
