const MAX_COUNT = 15;
const ROWS = 4;
/** Counters per object, over all rows: Caffeine has 16 counters of 4 bits for each. */
const COUNTERS_PER_OBJECT = 16;
/** Additions per object after which every counter is halved. */
const SAMPLE_PER_OBJECT = 10;
const LEAST_OBJECTS = 64;

/**
 * How often a key was asked for lately: a count-min sketch of four rows of counters that stop at 15 (one byte each here; four bits would
 * do), halved after ten additions per object, behind a doorkeeper: a Bloom filter that takes the first request since the last
 * halving, so that keys asked for once leave no trace in the counters (Einziger, Friedman, Manes 2017, section 3).
 */
export class FrequencySketch {
  #objects = 0;
  #mask = 0;
  #counters = new Uint8Array(0);
  #doorkeeper = new Uint8Array(0);
  #additions = 0;

  constructor() {
    this.ensure(LEAST_OBJECTS);
  }

  /** Sizes the sketch for this many objects; growing clears it, as in Caffeine. */
  ensure(objects: number): void {
    if (objects <= this.#objects) return;
    this.#objects = 2 ** Math.ceil(Math.log2(objects));
    const perRow = (this.#objects * COUNTERS_PER_OBJECT) / ROWS;
    this.#mask = perRow - 1;
    this.#counters = new Uint8Array(perRow * ROWS);
    this.#doorkeeper = new Uint8Array(perRow * ROWS);
    this.#additions = 0;
  }

  /** Counts one request. */
  add(key: number): void {
    if (this.#knock(key)) {
      const least = this.#least(key);
      if (least < MAX_COUNT) {
        for (let row = 0; row < ROWS; row++) {
          const at = this.#place(key, row);
          // Only the smallest counters grow ("conservative update"): fewer overestimates, at no cost.
          if (this.#counters[at] === least) this.#counters[at] = least + 1;
        }
      }
    }
    if (++this.#additions >= this.#objects * SAMPLE_PER_OBJECT) this.#halve();
  }

  /** An estimate, never too low but for the halvings; 0 to 16. */
  frequency(key: number): number {
    return this.#least(key) + (this.#isKnown(key) ? 1 : 0);
  }

  /** Marks a key as seen; true when it was before. */
  #knock(key: number): boolean {
    const known = this.#isKnown(key);
    if (!known) for (let row = 0; row < ROWS; row++) this.#doorkeeper[this.#place(key, row)] = 1;
    return known;
  }

  #isKnown(key: number): boolean {
    for (let row = 0; row < ROWS; row++) if (this.#doorkeeper[this.#place(key, row)] === 0) return false;
    return true;
  }

  #least(key: number): number {
    let least = MAX_COUNT;
    for (let row = 0; row < ROWS; row++) {
      const count = this.#counters[this.#place(key, row)] as number;
      if (count < least) least = count;
    }
    return least;
  }

  #place(key: number, row: number): number {
    let mixed = Math.imul(key + 1, 0x9e3779b1) ^ Math.imul(row + 1, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
    mixed ^= mixed >>> 16;
    return row * (this.#mask + 1) + (mixed & this.#mask);
  }

  #halve(): void {
    for (let at = 0; at < this.#counters.length; at++) this.#counters[at] = (this.#counters[at] as number) >> 1;
    this.#doorkeeper.fill(0);
    this.#additions = 0;
  }
}
