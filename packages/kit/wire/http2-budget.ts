/** What a client may spend at once. */
const CAPACITY = 1000;
/** What each answer gives back: some clients send two window updates for every small answer. */
const PER_ANSWER = 4;
/** What comes back a second, whatever the client does. */
const PER_SECOND = 100;

/** What the frames cost that make work, or promise it, and lead to nothing. */
export const COST = {
  /** The client resets a request, or makes the server reset one: the work of its answer is lost. */
  reset: 5,
  /** Settings must be answered, and applied to every stream. */
  settings: 5,
  ping: 1,
  /** A frame without content, of an unknown type, or on a stream that is over. */
  empty: 1,
  /** A window so small that frames cost more than what they carry. */
  smallWindow: 1,
} as const;

/** A window update, or a DATA frame cut short by a window, below this is small, bytes. */
export const SMALL_WINDOW_BYTES = 512;

/**
 * Bounds what one connection can do without asking for anything: rapid resets, floods of pings, settings and empty frames, and windows of single
 * bytes (RFC 9113 section 10.5). Ordinary clients stay far away from its end.
 */
export class Http2Budget {
  #left = CAPACITY;
  #refilledAtMs: number | undefined;

  /** False when the budget is used up: then the client is to be sent away with ENHANCE_YOUR_CALM. */
  spend(cost: number): boolean {
    this.#left -= cost;
    return this.#left >= 0;
  }

  /** An answer went out whole. */
  earn(): void {
    this.#left = Math.min(CAPACITY, this.#left + PER_ANSWER);
  }

  /** Time passes. */
  refill(nowMs: number): void {
    const elapsedMs = nowMs - (this.#refilledAtMs ?? nowMs);
    this.#refilledAtMs = nowMs;
    this.#left = Math.min(CAPACITY, this.#left + (Math.max(0, elapsedMs) * PER_SECOND) / 1000);
  }
}
