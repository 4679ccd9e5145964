import { KeyLinks, KeyQueue, NONE } from "../key-queue.ts";
import type { Policy, PolicyOptions } from "../policy.ts";
import { FrequencySketch } from "./frequency-sketch.ts";

const ABSENT = 0;
const WINDOW = 1;
const PROBATION = 2;
const PROTECTED = 3;

const WINDOW_SHARE = 0.01;
const PROTECTED_SHARE = 0.8;

/**
 * W-TinyLFU (Einziger, Friedman, Manes, ACM Transactions on Storage 2017) as in Caffeine: newcomers enter an LRU window of 1%; what
 * leaves it is a candidate for the main part, a segmented LRU whose protected segment has 80%. A candidate comes in where its
 * frequency in a sketch is higher than that of all the objects it would push out together, taken from the old end of probation
 * ("aggregated victims" of Einziger et al., "Lightweight Robust Size Aware Cache Management", 2021; with equal sizes the plain rule).
 */
export class WTinyLfu implements Policy {
  readonly #capacityBytes: number;
  readonly #windowBytes: number;
  readonly #protectedBytes: number;
  readonly #sizes: Float64Array;
  readonly #window: KeyQueue;
  readonly #probation: KeyQueue;
  readonly #protected: KeyQueue;
  readonly #place: Uint8Array;
  readonly #sketch = new FrequencySketch();

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#windowBytes = Math.max(1, capacityBytes * WINDOW_SHARE);
    this.#protectedBytes = (capacityBytes - this.#windowBytes) * PROTECTED_SHARE;
    this.#sizes = sizes;
    const links = new KeyLinks(sizes.length);
    this.#window = new KeyQueue(links, sizes);
    this.#probation = new KeyQueue(links, sizes);
    this.#protected = new KeyQueue(links, sizes);
    this.#place = new Uint8Array(sizes.length);
    // Sized at once for what will fit, which only a replay can know: growing would clear the sketch while the cache fills.
    const meanBytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    this.#sketch.ensure(Math.min(sizes.length, Math.ceil(capacityBytes / meanBytes)));
  }

  get heldBytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }

  request(key: number): boolean {
    this.#sketch.ensure(this.#window.count + this.#probation.count + this.#protected.count);
    this.#sketch.add(key);
    switch (this.#place[key]) {
      case WINDOW:
        this.#window.renew(key);
        return true;
      case PROTECTED:
        this.#protected.renew(key);
        return true;
      case PROBATION:
        this.#protect(key);
        return true;
      default:
        this.#bringIn(key);
        return false;
    }
  }

  #protect(key: number): void {
    this.#probation.remove(key);
    this.#put(this.#protected, PROTECTED, key);
    while (this.#protected.bytes > this.#protectedBytes && this.#protected.oldest !== key) {
      const demoted = this.#protected.oldest;
      this.#protected.remove(demoted);
      this.#put(this.#probation, PROBATION, demoted);
    }
  }

  #bringIn(key: number): void {
    const size = this.#sizes[key] as number;
    if (size > this.#capacityBytes) return;
    // What is larger than the whole window is a candidate at once (Caffeine does the same).
    if (size > this.#windowBytes) {
      this.#judge(key);
      return;
    }
    this.#put(this.#window, WINDOW, key);
    while (this.#window.bytes > this.#windowBytes) {
      const candidate = this.#window.oldest;
      this.#window.remove(candidate);
      this.#place[candidate] = ABSENT;
      this.#judge(candidate);
    }
  }

  /** Lets a candidate, held nowhere, into probation, or lets it go. */
  #judge(candidate: number): void {
    const mainBytes = this.#probation.bytes + this.#protected.bytes;
    const missing = mainBytes + (this.#sizes[candidate] as number) - (this.#capacityBytes - this.#windowBytes);
    const victims: number[] = [];
    let found = 0;
    let frequency = 0;
    const own = this.#sketch.frequency(candidate);
    let at = this.#probation.oldest;
    let fromProtected = false;
    while (found < missing) {
      if (at === NONE && !fromProtected) {
        fromProtected = true;
        at = this.#protected.oldest;
      }
      if (at === NONE) return;
      victims.push(at);
      found += this.#sizes[at] as number;
      frequency += this.#sketch.frequency(at);
      if (frequency >= own) return;
      at = (fromProtected ? this.#protected : this.#probation).newerThan(at);
    }
    for (const victim of victims) {
      (this.#place[victim] === PROTECTED ? this.#protected : this.#probation).remove(victim);
      this.#place[victim] = ABSENT;
    }
    this.#put(this.#probation, PROBATION, candidate);
  }

  #put(queue: KeyQueue, place: number, key: number): void {
    queue.push(key);
    this.#place[key] = place;
  }
}
