import { isSampled } from "./fingerprint.ts";
import { Ranking, type Variant } from "./ranking.ts";

/**
 * The variants that are tried against each other, from pure recency to frequency that never sinks. Between the two ends they differ
 * in one thing: how much the request that brings an object in is worth beside the requests for those already there.
 */
export const variants: readonly Variant[] = [
  { newcomerWeight: 1, countsRequests: false, sinks: true },
  { newcomerWeight: 1 / 2, countsRequests: true, sinks: true },
  { newcomerWeight: 1 / 8, countsRequests: true, sinks: true },
  { newcomerWeight: 1 / 1024, countsRequests: true, sinks: true },
  { newcomerWeight: 1 / 1024, countsRequests: true, sinks: false },
];

/** The variant to begin with: alone, one of the two best on the mean of the logs it was chosen on. */
const FIRST = 2;
/** Objects in a shadow, about: enough that the shadows differ by what they do, not by which keys are in the sample. */
const SHADOW_OBJECTS = 1024;
/** Least requests in the sample between two decisions; otherwise one per object in a shadow. */
const LEAST_REQUESTS = 200;
/** What the hits before a decision count at the next. */
const MEMORY = 0.9;
/** A variant must have this many times the hits of the one in use to replace it. */
const LEAD = 1.003;

/**
 * Finds the variant that suits the requests of now. One shadow per variant replays the requests for a sample of the keys against
 * a store that is as much smaller ("miniature simulation": Waldspurger et al., USENIX ATC 2017); the variant with the most hits
 * lately is used. Shadows hold numbers only, about a thousand objects each whatever the store's size.
 */
export class Tuner {
  readonly #shadows: Ranking<number>[];
  readonly #hits = new Float64Array(variants.length);
  #used = FIRST;
  /** One key in 2^shift is in the sample. */
  #shift = 0;
  /** Requests in the sample until the next decision. */
  #awaited = LEAST_REQUESTS;

  constructor(sizeExponent: number) {
    this.#shadows = variants.map((variant) => new Ranking<number>(variant, sizeExponent));
  }

  /** The variant in use. */
  get variant(): Variant {
    return variants[this.#used] as Variant;
  }

  /** Shows one request to the shadows; `count` objects are held in the store of `capacityBytes`. True when another variant is used now. */
  observe(print: number, size: number, store: { count: number; capacityBytes: number }): boolean {
    if (!isSampled(print, this.#shift)) return false;
    const capacityBytes = store.capacityBytes / 2 ** this.#shift;
    for (const [i, shadow] of this.#shadows.entries()) {
      if (replay(shadow, print, size, capacityBytes)) this.#hits[i] = (this.#hits[i] as number) + 1;
    }
    if (--this.#awaited > 0) return false;
    this.#fitSample(store.count);
    // Fixed here: a count that grows with each request would put the decision off for as long as the store fills.
    this.#awaited = Math.max(LEAST_REQUESTS, this.#shadows[this.#used]?.count ?? 0);
    return this.#decide();
  }

  #decide(): boolean {
    const before = this.#used;
    let best = before;
    for (const [i, hits] of this.#hits.entries()) if (hits > (this.#hits[best] as number)) best = i;
    if ((this.#hits[best] as number) > (this.#hits[before] as number) * LEAD) this.#used = best;
    for (let i = 0; i < this.#hits.length; i++) this.#hits[i] = (this.#hits[i] as number) * MEMORY;
    return this.#used !== before;
  }

  /** Halves or doubles the share of keys in the sample when the store has grown or shrunk that much. */
  #fitSample(count: number): void {
    const inSample = count / 2 ** this.#shift;
    if (inSample > SHADOW_OBJECTS * 2) {
      this.#shift++;
      for (const shadow of this.#shadows) shadow.keepOnly((print) => isSampled(print, this.#shift));
    } else if (this.#shift > 0 && inSample < SHADOW_OBJECTS / 2) {
      this.#shift--;
    }
  }
}

/** One request in a shadow, which keeps and evicts at once; true when it was held. */
function replay(shadow: Ranking<number>, print: number, size: number, capacityBytes: number): boolean {
  // 32 bits as the key: a Map finds small integers faster, and a thousand objects hardly ever share one.
  const key = print | 0;
  const slot = shadow.slotOf(key);
  if (slot >= 0) {
    shadow.hit(slot);
    return true;
  }
  shadow.miss(print);
  if (size <= capacityBytes) shadow.add(key, size, print);
  while (shadow.bytes > capacityBytes) shadow.evict(shadow.lowest());
  return false;
}
