/** Rows of counters; a stranger's piece is slowed down only where it shares a slot with busy ones in every row. */
const ROWS = 4;
const SLOTS_PER_ROW = 65_536;

/** What a repeat guard allows. */
export interface RepeatLimits {
  /** Requests for the same thing that are free, for retries and seeks. */
  freeRequests: number;
  /** Each further one earns its place by this much time, ms. */
  intervalMs: number;
  /** Answers are held back this long at most, ms; whoever is further ahead is refused. */
  maxHoldMs: number;
}

/** What to do with a request: hold its answer back (0: none), or refuse it with 429 and this Retry-After. */
export type RepeatVerdict = { holdMs: number } | { retryAfterSeconds: number };

/** Sixteen at once, then one each second, held back for up to two seconds. */
export const REPEAT_LIMITS: RepeatLimits = { freeRequests: 16, intervalMs: 1000, maxHoldMs: 2000 };

/**
 * Slows down a client that asks for one thing again and again, to load this machine rather than to see something. Keeps, per slot, the time by
 * which all that was asked will have been earned (the generic cell rate algorithm), in a table of fixed size (2 MiB): nothing a client does makes
 * it grow, and slots that are shared by chance only ever make it stricter. Pure but for its table: the time is given with each call.
 */
export class RepeatGuard {
  readonly #limits: RepeatLimits;
  readonly #seed: number;
  readonly #earnedAtMs = new Float64Array(ROWS * SLOTS_PER_ROW);
  readonly #slots = new Uint32Array(ROWS);

  /** `seed` is a random 32-bit number, so that nobody can choose what shares a slot with what. */
  constructor(limits: RepeatLimits, seed: number) {
    this.#limits = limits;
    this.#seed = seed >>> 0;
  }

  /** Counts a request for `thing`, say a ticket with a range, by the client at `address`. */
  judge(address: string, thing: string, nowMs: number): RepeatVerdict {
    const { freeRequests, intervalMs, maxHoldMs } = this.#limits;
    const hash = Bun.hash.xxHash32(`${address} ${thing}`, this.#seed);
    let earnedAtMs = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) {
      const slot = row * SLOTS_PER_ROW + slotOf(hash, row);
      this.#slots[row] = slot;
      earnedAtMs = Math.min(earnedAtMs, this.#earnedAtMs[slot] ?? 0);
    }
    const aheadMs = Math.max(0, earnedAtMs - nowMs) - (freeRequests - 1) * intervalMs;
    // What is refused costs next to nothing and is not counted: else it would never end.
    if (aheadMs > maxHoldMs) return { retryAfterSeconds: Math.ceil(aheadMs / 1000) };
    const nextMs = Math.max(earnedAtMs, nowMs) + intervalMs;
    for (const slot of this.#slots) {
      if ((this.#earnedAtMs[slot] ?? 0) < nextMs) this.#earnedAtMs[slot] = nextMs;
    }
    return { holdMs: Math.max(0, aheadMs) };
  }
}

/** A slot of a row from one hash for all: the finisher of MurmurHash3 spreads it anew for each row. */
function slotOf(hash: number, row: number): number {
  let mixed = hash + Math.imul(row + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) % SLOTS_PER_ROW;
}
