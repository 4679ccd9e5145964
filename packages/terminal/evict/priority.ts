import { fingerprint } from "./fingerprint.ts";
import { Ranking, type RankState } from "./ranking.ts";
import { Tuner } from "./tuner.ts";

/** What the policy is built from. */
export interface AgedFreqOptions {
  /** Bytes that the store may hold. */
  capacityBytes: number;
  /** Priority falls with size to this power. 1 (default) aims at the most requests answered; less favours bytes over requests. */
  sizeExponent?: number;
}

/**
 * Which objects a Terminal deletes when room is short: those least asked for, aged and per byte, with the weight of newcomers
 * tuned while it runs (docs/performance.md, "Eviction"). Pure: no clock (time is the number of requests), no randomness, no I/O. It
 * keeps books only; the store says what came, was asked for and went, and asks what should go. A request for something held
 * costs O(1), everything else O(log n).
 */
export class AgedFreq<K extends string | number = string> {
  readonly #ranking: Ranking<K>;
  readonly #tuner: Tuner;
  #capacityBytes: number;

  constructor({ capacityBytes, sizeExponent = 1 }: AgedFreqOptions) {
    this.#capacityBytes = capacityBytes;
    this.#tuner = new Tuner(sizeExponent);
    this.#ranking = new Ranking<K>(this.#tuner.variant, sizeExponent);
  }

  /** Summed size of the objects held. */
  get heldBytes(): number {
    return this.#ranking.bytes;
  }

  /** How many objects are held. */
  get heldCount(): number {
    return this.#ranking.count;
  }

  /** How many objects not held are remembered; at most four per object held, or 64. */
  get ghostCount(): number {
    return this.#ranking.ghostCount;
  }

  has(key: K): boolean {
    return this.#ranking.slotOf(key) >= 0;
  }

  /** The quota changed, up or down. What no longer fits is for the store to ask about with `victims`. */
  setCapacity(bytes: number): void {
    this.#capacityBytes = bytes;
  }

  /** Somebody asked for an object, held or not; its size in bytes, where it is known before it is held. Call before `add`. */
  request(key: K, size: number): void {
    const slot = this.#ranking.slotOf(key);
    const print = slot < 0 ? fingerprint(key) : this.#ranking.printAt(slot);
    if (slot < 0) this.#ranking.miss(print);
    else this.#ranking.hit(slot);
    const store = { count: this.#ranking.count, capacityBytes: this.#capacityBytes };
    if (this.#tuner.observe(print, size, store)) this.#ranking.variant = this.#tuner.variant;
  }

  /** An object is held from now on. One that nobody asked for yet was placed by a Router and counts as asked for once. */
  add(key: K, size: number): void {
    this.#ranking.add(key, size, fingerprint(key));
  }

  /** An object was deleted for another reason than room: nothing of it is remembered. */
  remove(key: K): void {
    const slot = this.#ranking.slotOf(key);
    if (slot >= 0) this.#ranking.remove(slot);
  }

  /** An object was deleted to make room: how often it was asked for is remembered as a ghost. */
  evicted(key: K): void {
    const slot = this.#ranking.slotOf(key);
    if (slot >= 0) this.#ranking.evict(slot);
  }

  /**
   * What should go to free at least `bytes`, the first to go first; fewer bytes only when nothing else may go. Nothing is taken out: report
   * each deletion with `evicted`. `mayGo` refuses what must stay (pinned, being sent). O(log n) per object looked at.
   */
  victims(bytes: number, mayGo: (key: K) => boolean = () => true): K[] {
    return this.#ranking.lowestFreeing(bytes, mayGo);
  }

  /**
   * Whether an object that was asked for just now, and that no Router placed, is worth more than all it would push out. Always true where
   * there is room, and while recency alone decides: what was asked for last is then worth the most.
   */
  admits(key: K, size: number): boolean {
    if (size > this.#capacityBytes) return false;
    const missingBytes = this.heldBytes + size - this.#capacityBytes;
    if (missingBytes <= 0 || !this.#ranking.variant.countsRequests) return true;
    const last = this.victims(missingBytes).at(-1);
    if (last === undefined) return true;
    return this.#ranking.priorityOfNewcomer(fingerprint(key), size) > this.#priorityOf(last);
  }

  /** What to store of a held object so that its standing survives a restart; undefined when it is not held. */
  stateOf(key: K): RankState | undefined {
    const slot = this.#ranking.slotOf(key);
    return slot < 0 ? undefined : this.#ranking.stateAt(slot);
  }

  /** An object is held since before the restart. Call for all of them before anything is asked for. */
  restore(key: K, size: number, state: RankState): void {
    this.#ranking.restore(key, size, state);
  }

  #priorityOf(key: K): number {
    const slot = this.#ranking.slotOf(key);
    return slot < 0 ? 0 : this.#ranking.stateAt(slot).priority;
  }
}
