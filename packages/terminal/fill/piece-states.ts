interface Waiter {
  promise: Promise<void>;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/** Which pieces of a fill are there, and who waits for one. */
export class PieceStates {
  /** One byte per piece, 1 once it is verified and written. */
  readonly have: Uint8Array;
  #haveCount = 0;
  readonly #waiters = new Map<number, Waiter>();
  #failure: { reason: unknown } | undefined;

  constructor(count: number) {
    this.have = new Uint8Array(count);
  }

  get isComplete(): boolean {
    return this.#haveCount === this.have.length;
  }

  get haveCount(): number {
    return this.#haveCount;
  }

  has(index: number): boolean {
    return this.have[index] === 1;
  }

  /** Pieces that somebody waits for, in no particular order. */
  waitedFor(): Iterable<number> {
    return this.#waiters.keys();
  }

  /** To be called once the piece is verified and can be read from the file. */
  add(index: number): void {
    if (this.has(index)) return;
    this.have[index] = 1;
    this.#haveCount++;
    this.#waiters.get(index)?.resolve();
    this.#waiters.delete(index);
  }

  /** Resolves once the piece is there; rejects with the reason given to `fail`. */
  wait(index: number): Promise<void> {
    if (this.has(index)) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    let waiter = this.#waiters.get(index);
    if (waiter === undefined) {
      waiter = Promise.withResolvers<void>();
      waiter.promise.catch(() => {}); // whoever waited may have left
      this.#waiters.set(index, waiter);
    }
    return waiter.promise;
  }

  /** No further piece will come. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    for (const waiter of this.#waiters.values()) waiter.reject(reason);
    this.#waiters.clear();
  }
}
