import { randomBytes } from "node:crypto";
import { IndexDigest } from "@neson/protocol/index-digest";

/** Most pairs believed of one Terminal: 128 MiB of memory. What lies beyond is not known, and costs at worst a needless `save`. */
const MAX_PAIRS = 4_194_304;
/** Most header sets believed of one object: they lie in one chain of slots, which must stay short whatever a Terminal says. */
const MAX_HEADER_SETS = 256;
/** Words of a slot: 8 bytes of the object id, then the header id's 8. */
const WORDS = 4;
const FIRST_SLOTS = 64;

interface Key {
  objectHigh: number;
  objectLow: number;
  headersHigh: number;
  headersLow: number;
}

/**
 * The (objectId, headersId) pairs that a Terminal holds, with their digest, in 16 bytes a slot: an open-addressing table that knows an object by
 * the first 8 bytes of its id. Ids are hashes, so two that share them do not occur by chance; one made on purpose changes what is believed of the
 * Terminal that reports it, and nothing else.
 */
export class Holdings {
  readonly #digest = new IndexDigest();
  readonly #seed: number;
  readonly #maxPairs: number;
  #words = new Uint32Array(FIRST_SLOTS * WORDS);
  #mask = FIRST_SLOTS - 1;
  #size = 0;
  #isPartial = false;

  /** The seed keeps Terminals from choosing ids that all fall into one place of the table. */
  constructor(options: { seed?: number; maxPairs?: number } = {}) {
    this.#seed = options.seed ?? randomBytes(4).readUInt32LE();
    this.#maxPairs = options.maxPairs ?? MAX_PAIRS;
  }

  /** Pairs. */
  get size(): number {
    return this.#size;
  }

  /** True once a pair found no place: the digest can then never agree with the Terminal's. */
  get isPartial(): boolean {
    return this.#isPartial;
  }

  /** `IndexDigest` of the pairs. */
  get digest(): string {
    return this.#digest.toString();
  }

  /** Takes a pair in, if it is new and there is a place for it. */
  add(objectId: string, headersId: string): void {
    const key = keyOf(objectId, headersId);
    let headerSets = 0;
    let slot = this.#home(key.objectHigh, key.objectLow);
    for (; this.#isUsed(slot); slot = (slot + 1) & this.#mask) {
      if (!this.#isOf(slot, key)) continue;
      if (this.#hasHeaders(slot, key)) return;
      headerSets += 1;
    }
    if (this.#size >= this.#maxPairs || headerSets >= MAX_HEADER_SETS) {
      this.#isPartial = true;
      return;
    }
    this.#words.set([key.objectHigh, key.objectLow, key.headersHigh, key.headersLow], slot * WORDS);
    this.#size += 1;
    this.#digest.add(objectId, headersId);
    if (this.#size * 4 > (this.#mask + 1) * 3) this.#grow();
  }

  has(objectId: string, headersId: string): boolean {
    const key = keyOf(objectId, headersId);
    return this.#find(key, (slot) => this.#hasHeaders(slot, key)) !== undefined;
  }

  /** True when the object is there under any header set. */
  hasObject(objectId: string): boolean {
    return this.#find(keyOf(objectId, NO_HEADERS), () => true) !== undefined;
  }

  /** The header sets of an object, in no order. */
  headersOf(objectId: string): string[] {
    const key = keyOf(objectId, NO_HEADERS);
    const headersIds: string[] = [];
    this.#find(key, (slot) => {
      headersIds.push(this.#headersAt(slot));
      return false;
    });
    return headersIds;
  }

  remove(objectId: string, headersId: string): void {
    const key = keyOf(objectId, headersId);
    const slot = this.#find(key, (candidate) => this.#hasHeaders(candidate, key));
    if (slot !== undefined) this.#removeSlot(slot, objectId);
  }

  /** Takes the object out with all its header sets. */
  removeObject(objectId: string): void {
    const key = keyOf(objectId, NO_HEADERS);
    for (;;) {
      const slot = this.#find(key, () => true);
      if (slot === undefined) return;
      this.#removeSlot(slot, objectId);
    }
  }

  #find(key: Key, matches: (slot: number) => boolean): number | undefined {
    for (let slot = this.#home(key.objectHigh, key.objectLow); this.#isUsed(slot); slot = (slot + 1) & this.#mask) {
      if (this.#isOf(slot, key) && matches(slot)) return slot;
    }
    return undefined;
  }

  #removeSlot(slot: number, objectId: string): void {
    this.#digest.remove(objectId, this.#headersAt(slot));
    this.#size -= 1;
    this.#close(slot);
  }

  #headersAt(slot: number): string {
    const at = slot * WORDS;
    return hexOfWord(this.#words[at + 2]) + hexOfWord(this.#words[at + 3]);
  }

  /** Empties a slot and moves up what stood behind it, so that no search ends early at the gap. */
  #close(slot: number): void {
    let gap = slot;
    for (let next = (gap + 1) & this.#mask; this.#isUsed(next); next = (next + 1) & this.#mask) {
      const home = this.#home(this.#words[next * WORDS] ?? 0, this.#words[next * WORDS + 1] ?? 0);
      if (((next - home) & this.#mask) < ((next - gap) & this.#mask)) continue;
      this.#words.copyWithin(gap * WORDS, next * WORDS, (next + 1) * WORDS);
      gap = next;
    }
    this.#words.fill(0, gap * WORDS, (gap + 1) * WORDS);
  }

  #grow(): void {
    const former = this.#words;
    this.#mask = this.#mask * 2 + 1;
    this.#words = new Uint32Array((this.#mask + 1) * WORDS);
    for (let at = 0; at < former.length; at += WORDS) {
      if (isEmpty(former, at)) continue;
      let slot = this.#home(former[at] ?? 0, former[at + 1] ?? 0);
      while (this.#isUsed(slot)) slot = (slot + 1) & this.#mask;
      this.#words.set(former.subarray(at, at + WORDS), slot * WORDS);
    }
  }

  #home(high: number, low: number): number {
    let mixed = Math.imul(high ^ this.#seed, 0x7feb352d);
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ low, 0x846ca68b);
    mixed = Math.imul(mixed ^ (mixed >>> 16) ^ this.#seed, 0x7feb352d);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  #isUsed(slot: number): boolean {
    return !isEmpty(this.#words, slot * WORDS);
  }

  #isOf(slot: number, key: Key): boolean {
    const at = slot * WORDS;
    return this.#words[at] === key.objectHigh && this.#words[at + 1] === key.objectLow;
  }

  #hasHeaders(slot: number, key: Key): boolean {
    const at = slot * WORDS;
    return this.#words[at + 2] === key.headersHigh && this.#words[at + 3] === key.headersLow;
  }
}

const NO_HEADERS = "0".repeat(16);

function keyOf(objectId: string, headersId: string): Key {
  const objectHigh = Number.parseInt(objectId.slice(0, 8), 16);
  const objectLow = Number.parseInt(objectId.slice(8, 16), 16);
  return {
    objectHigh,
    // A slot of zeros is an empty one, so the id of zeros, which no honest object has, shares a place with its neighbour.
    objectLow: objectHigh === 0 && objectLow === 0 ? 1 : objectLow,
    headersHigh: Number.parseInt(headersId.slice(0, 8), 16),
    headersLow: Number.parseInt(headersId.slice(8, 16), 16),
  };
}

function isEmpty(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0;
}

function hexOfWord(word = 0): string {
  return word.toString(16).padStart(8, "0");
}
