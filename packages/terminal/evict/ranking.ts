import { fingerprint } from "./fingerprint.ts";
import { GhostTable } from "./ghost-table.ts";
import { SlotHeap } from "./slot-heap.ts";

/** Requests, per object held, after which a count of requests is worth half: about 128 turns of the whole store. */
const HALF_LIFE_PER_OBJECT = 128;
const LEAST_HALF_LIFE = 1024;

/** How a ranking weighs what it knows; see `variants` in tuner.ts. */
export interface Variant {
  /** What the request that brings an object in counts, 0 to 1; every later one counts 1. Small: newcomers leave soon. */
  newcomerWeight: number;
  /** False: every object counts as asked for once, so that only recency and size matter. */
  countsRequests: boolean;
  /** False: what is held does not sink while it is not asked for; newcomers must be asked for more often than it ever was. */
  sinks: boolean;
}

/** What is kept of an object across a restart; all three only mean something beside each other's. */
export interface RankState {
  /** Aged count of requests. */
  frequency: number;
  /** Number of the last request, counted over all objects. */
  lastRequest: number;
  priority: number;
}

/**
 * The objects held, lowest priority first: priority = floor + frequency · size^(−sizeExponent), set at each request; the floor is the
 * priority of the last victim, so that what is not asked for sinks relative to what comes later (greedy-dual aging).
 *
 * A request only writes three numbers; the heap learns of it when the object comes up as the lowest. At a million objects, each
 * takes some 250 bytes in all: 72 of columns and heap, its share of a Map, and four ghosts.
 */
export class Ranking<K extends string | number> {
  variant: Variant;
  readonly #sizeExponent: number;
  readonly #slots = new Map<K, number>();
  readonly #keys: (K | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #heap = new SlotHeap();
  readonly #ghosts = new GhostTable();
  #columns = newColumns(64);
  #now = 0;
  #floor = 0;
  /** Whether the floor is this run's own, and not the lowest restored priority. */
  #hasEvicted = false;
  #lowestRestored = Number.POSITIVE_INFINITY;
  #halfLife = LEAST_HALF_LIFE;
  /** The slot that came in last and was not asked for since, or -1. */
  #newcomer = -1;
  #bytes = 0;

  constructor(variant: Variant, sizeExponent: number) {
    this.variant = variant;
    this.#sizeExponent = sizeExponent;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#slots.size;
  }

  get ghostCount(): number {
    return this.#ghosts.size;
  }

  /** Where a held object's numbers are; -1 when it is not held. */
  slotOf(key: K): number {
    return this.#slots.get(key) ?? -1;
  }

  printAt(slot: number): number {
    return this.#columns.prints[slot] as number;
  }

  /** A request for what is held. */
  hit(slot: number): void {
    const { frequencies, lastRequests, priorities, worths } = this.#columns;
    const now = ++this.#now;
    const frequency = this.#aged(frequencies[slot] as number, lastRequests[slot] as number) + 1;
    frequencies[slot] = frequency;
    lastRequests[slot] = now;
    const weight = this.variant.countsRequests ? frequency : 1;
    const priority = this.#floor + weight * (worths[slot] as number);
    // Never lower: the heap relies on what it knows of an object being at most its priority.
    if (priority > (priorities[slot] as number)) priorities[slot] = priority;
    if (slot === this.#newcomer) this.#newcomer = -1;
  }

  /** A request for what is not held: its ghost counts it. */
  miss(print: number): void {
    this.#now++;
    const ghost = this.#ghosts.take(print);
    const frequency = ghost === undefined ? 0 : this.#aged(ghost.frequency, ghost.lastRequest);
    this.#ghosts.put(print, frequency + 1, this.#now);
  }

  /** What is held from now on. Its ghost's requests count, the last of them only in part; without any it counts as asked for once. */
  add(key: K, size: number, print: number): void {
    if (this.#slots.has(key)) return;
    const ghost = this.#ghosts.take(print);
    const frequency = ghost === undefined ? 0 : this.#aged(ghost.frequency, ghost.lastRequest);
    const worth = this.#worthOf(size);
    const priority = this.#floor + this.#newcomerFrequency(frequency) * worth;
    this.#newcomer = this.#insert(key, size, print, { frequency, lastRequest: this.#now, priority });
    this.#ghosts.fit(this.#slots.size);
    this.#halfLife = Math.max(LEAST_HALF_LIFE, HALF_LIFE_PER_OBJECT * this.#slots.size);
  }

  /** Takes back what was held before a restart. Until something is evicted the floor is the lowest priority that came back. */
  restore(key: K, size: number, state: RankState): void {
    if (this.#slots.has(key)) return;
    this.#lowestRestored = Math.min(this.#lowestRestored, state.priority);
    if (!this.#hasEvicted) this.#floor = this.#lowestRestored;
    this.#now = Math.max(this.#now, state.lastRequest);
    this.#insert(key, size, fingerprint(key), state);
  }

  /** The numbers of a held object. */
  stateAt(slot: number): RankState {
    const { frequencies, lastRequests, priorities } = this.#columns;
    return {
      frequency: frequencies[slot] as number,
      lastRequest: lastRequests[slot] as number,
      priority: priorities[slot] as number,
    };
  }

  /** The priority an object asked for just now would come in with. */
  priorityOfNewcomer(print: number, size: number): number {
    const ghost = this.#ghosts.peek(print);
    const frequency = ghost === undefined ? 0 : this.#aged(ghost.frequency, ghost.lastRequest);
    return this.#floor + this.#newcomerFrequency(frequency) * this.#worthOf(size);
  }

  /** Takes an object out for lack of room: its ghost stays, and the floor rises to its priority. */
  evict(slot: number): void {
    const { frequencies, lastRequests, priorities, prints } = this.#columns;
    // A newcomer that is turned away at once says nothing about the rest: letting it raise the floor would age those that were right to stay.
    if (slot !== this.#newcomer || !this.variant.countsRequests) {
      if (this.variant.sinks) this.#floor = Math.max(this.#floor, priorities[slot] as number);
      this.#hasEvicted = true;
    }
    const print = prints[slot] as number;
    this.#ghosts.take(print);
    this.#ghosts.put(print, frequencies[slot] as number, lastRequests[slot] as number);
    this.remove(slot);
  }

  /** Takes an object out without a trace. */
  remove(slot: number): void {
    this.#slots.delete(this.#keys[slot] as K);
    this.#keys[slot] = undefined;
    this.#free.push(slot);
    this.#heap.delete(slot);
    this.#bytes -= this.#columns.sizes[slot] as number;
    if (slot === this.#newcomer) this.#newcomer = -1;
  }

  /** The slot of the lowest priority, or -1. */
  lowest(): number {
    for (;;) {
      const slot = this.#heap.top;
      if (slot < 0) return slot;
      const priority = this.#columns.priorities[slot] as number;
      const rank = this.#rankOf(slot);
      // By recency a request raises the rank, often alone; by frequency it lowers it, and only ever decides between equals.
      const isSettled = priority === this.#heap.topPriority && rank <= this.#heap.topRank;
      if (isSettled) return slot;
      this.#heap.set(slot, priority, rank);
    }
  }

  /** Keys of the lowest priorities, lowest first, that free at least `bytes` where there is as much that may go. Nothing is taken out. */
  lowestFreeing(bytes: number, mayGo: (key: K) => boolean): K[] {
    const passed: number[] = [];
    const found: K[] = [];
    let foundBytes = 0;
    try {
      while (foundBytes < bytes) {
        const slot = this.lowest();
        if (slot < 0) break;
        this.#heap.delete(slot);
        passed.push(slot);
        const key = this.#keys[slot] as K;
        if (!mayGo(key)) continue;
        found.push(key);
        foundBytes += this.#columns.sizes[slot] as number;
      }
    } finally {
      for (const slot of passed) {
        this.#heap.set(slot, this.#columns.priorities[slot] as number, this.#rankOf(slot));
      }
    }
    return found;
  }

  /** Takes out, without a trace, every object whose fingerprint the predicate refuses. */
  keepOnly(isKept: (print: number) => boolean): void {
    for (const slot of [...this.#slots.values()]) if (!isKept(this.printAt(slot))) this.remove(slot);
  }

  #aged(frequency: number, lastRequest: number): number {
    return frequency * 2 ** ((lastRequest - this.#now) / this.#halfLife);
  }

  #worthOf(size: number): number {
    return Math.max(1, size) ** -this.#sizeExponent;
  }

  #newcomerFrequency(frequency: number): number {
    if (frequency === 0 || !this.variant.countsRequests) return 1;
    return Math.max(0, frequency - 1) + this.variant.newcomerWeight;
  }

  /** Among equal priorities the newest goes, so that a loop longer than the store keeps a part of it; by recency, the oldest. */
  #rankOf(slot: number): number {
    const lastRequest = this.#columns.lastRequests[slot] as number;
    return this.variant.countsRequests ? -lastRequest : lastRequest;
  }

  #insert(key: K, size: number, print: number, state: RankState): number {
    const slot = this.#free.pop() ?? this.#keys.length;
    if (slot >= this.#columns.sizes.length) this.#columns = grownColumns(this.#columns);
    const { sizes, worths, prints, frequencies, lastRequests, priorities } = this.#columns;
    sizes[slot] = size;
    worths[slot] = this.#worthOf(size);
    prints[slot] = print;
    frequencies[slot] = state.frequency;
    lastRequests[slot] = state.lastRequest;
    priorities[slot] = state.priority;
    this.#keys[slot] = key;
    this.#slots.set(key, slot);
    this.#heap.set(slot, state.priority, this.#rankOf(slot));
    this.#bytes += size;
    return slot;
  }
}

interface Columns {
  sizes: Float64Array;
  /** size^(−sizeExponent), so that a request computes no power of it. */
  worths: Float64Array;
  prints: Float64Array;
  frequencies: Float64Array;
  lastRequests: Float64Array;
  priorities: Float64Array;
}

function newColumns(slots: number): Columns {
  return {
    sizes: new Float64Array(slots),
    worths: new Float64Array(slots),
    prints: new Float64Array(slots),
    frequencies: new Float64Array(slots),
    lastRequests: new Float64Array(slots),
    priorities: new Float64Array(slots),
  };
}

function grownColumns(columns: Columns): Columns {
  const grown = newColumns(columns.sizes.length * 2);
  for (const name of Object.keys(columns) as (keyof Columns)[]) grown[name].set(columns[name]);
  return grown;
}
