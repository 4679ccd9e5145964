const LEAST_PLACES = 64;
/** Ghosts per object held, at most. */
const PER_OBJECT = 4;

/** How often something not held was asked for: an aged count, and the request number of the last time. */
export interface Ghost {
  frequency: number;
  lastRequest: number;
}

/**
 * Ghosts by fingerprint, a bounded number of them: a ring that overwrites the oldest, found by an open-addressing table (linear
 * probing, at most half full). 28 to 36 bytes per place, no object per ghost.
 */
export class GhostTable {
  #places = 0;
  #prints = new Float64Array(0);
  #frequencies = new Float32Array(0);
  #lastRequests = new Float64Array(0);
  /** Place in the ring plus one, by hash; 0 is empty. */
  #table = new Int32Array(0);
  /** How many were ever put in: the next place, modulo the ring. */
  #written = 0;
  #size = 0;

  constructor() {
    this.#resize(LEAST_PLACES);
  }

  get size(): number {
    return this.#size;
  }

  /** Room for four ghosts per object held; called at each arrival, and changes something only when the store grew or shrank by a third. */
  fit(held: number): void {
    const wanted = Math.max(LEAST_PLACES, held * PER_OBJECT);
    if (this.#places < wanted * 0.75 || this.#places > wanted * 1.5) this.#resize(wanted);
  }

  /** Keeps a ghost that is not in the table, in place of the oldest when the ring is full. */
  put(print: number, frequency: number, lastRequest: number): void {
    const place = this.#written % this.#places;
    if (this.#prints[place] !== -1) this.#forget(place);
    this.#written++;
    this.#prints[place] = print;
    this.#frequencies[place] = frequency;
    this.#lastRequests[place] = lastRequest;
    const mask = this.#table.length - 1;
    let at = print & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = place + 1;
    this.#size++;
  }

  /** The ghost of a fingerprint, which is then no longer kept; undefined when there is none. */
  take(print: number): Ghost | undefined {
    const place = this.#find(print);
    if (place < 0) return undefined;
    const ghost = {
      frequency: this.#frequencies[place] as number,
      lastRequest: this.#lastRequests[place] as number,
    };
    this.#forget(place);
    return ghost;
  }

  /** The ghost of a fingerprint, which stays; undefined when there is none. */
  peek(print: number): Ghost | undefined {
    const place = this.#find(print);
    if (place < 0) return undefined;
    return { frequency: this.#frequencies[place] as number, lastRequest: this.#lastRequests[place] as number };
  }

  #find(print: number): number {
    const mask = this.#table.length - 1;
    for (let at = print & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const place = (this.#table[at] as number) - 1;
      if (this.#prints[place] === print) return place;
    }
    return -1;
  }

  /** Empties a place, and closes the gap in the table so that searches need no marks of what is gone. */
  #forget(place: number): void {
    const mask = this.#table.length - 1;
    let gap = (this.#prints[place] as number) & mask;
    while (this.#table[gap] !== place + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const home = (this.#prints[(this.#table[at] as number) - 1] as number) & mask;
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        this.#table[gap] = this.#table[at] as number;
        gap = at;
      }
    }
    this.#table[gap] = 0;
    this.#prints[place] = -1;
    this.#size--;
  }

  #resize(places: number): void {
    const prints = this.#prints;
    const frequencies = this.#frequencies;
    const lastRequests = this.#lastRequests;
    const written = this.#written;
    this.#places = places;
    this.#prints = new Float64Array(places).fill(-1);
    this.#frequencies = new Float32Array(places);
    this.#lastRequests = new Float64Array(places);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(places * 2)));
    this.#written = 0;
    this.#size = 0;
    for (let i = 0; i < prints.length; i++) {
      const place = (written + i) % prints.length;
      const print = prints[place] as number;
      if (print !== -1) this.put(print, frequencies[place] as number, lastRequests[place] as number);
    }
  }
}
