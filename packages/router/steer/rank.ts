/**
 * Weighted rendezvous hashing: every Router computes the same order of Terminals for an object, with no shared state,
 * and a Terminal that leaves hands its share to the others in proportion to their weights.
 */

/** 64 bits of an identity's hash as two unsigned 32-bit halves. */
export interface Seed {
  high: number;
  low: number;
}

/** Something that can be ranked for an object. */
export interface Rankable {
  seed: Seed;
  /** Relative capacity, > 0; a Terminal of weight 2 ranks first for twice as many objects as one of weight 1. */
  weight: number;
}

/** The seed of an id that is itself a hash (object id, terminal id): its first 16 hex digits. */
export function seedOf(id: string): Seed {
  return { high: Number.parseInt(id.slice(0, 8), 16), low: Number.parseInt(id.slice(8, 16), 16) };
}

/**
 * The `count` best Terminals for an object, best first.
 *
 * Score: −weight / ln(h), h uniform in (0, 1) from the hash of object and Terminal (weighted rendezvous after
 * Schindelhauer and Schomaker). Cost: one hash, one logarithm and a short insertion per Terminal.
 */
export function rankTop<T extends Rankable>(object: Seed, terminals: readonly T[], count: number): T[] {
  const best: T[] = [];
  const scores: number[] = [];
  for (const terminal of terminals) {
    const score = -terminal.weight / Math.log(unitHash(object, terminal.seed));
    let place = best.length;
    if (place === count && score <= (scores[place - 1] ?? 0)) continue;
    if (place === count) place -= 1;
    while (place > 0 && (scores[place - 1] ?? 0) < score) {
      scores[place] = scores[place - 1] as number;
      best[place] = best[place - 1] as T;
      place -= 1;
    }
    scores[place] = score;
    best[place] = terminal;
  }
  return best;
}

const TWO_POW_53 = 2 ** 53;

/** A value in (0, 1) from two seeds: two rounds of 32-bit finalisers whose 53 best bits make the fraction. */
function unitHash(a: Seed, b: Seed): number {
  const first = finalise(finalise(a.high ^ b.low) + a.low + b.high);
  const second = finalise(finalise(a.low ^ b.high) + first);
  const bits = (first >>> 5) * 2 ** 26 + (second >>> 6);
  return (bits + 0.5) / TWO_POW_53;
}

/** Spreads every input bit over all 32 output bits (multiply-xorshift finaliser). */
function finalise(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
