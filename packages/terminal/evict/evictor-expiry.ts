import type { StoredObject } from "../store/stored-object.ts";

/** A clock that went ahead by more than this between two looks was set, or the machine slept. */
const JUMP_SECONDS = 300;
/** After that nothing goes by its time for so long: a clock that was set wrongly is mostly set right again soon. */
const GRACE_SECONDS = 600;

/**
 * Knows which objects are to go at a given time. A clock that jumps ahead must not empty the store, so time first has to pass for a while
 * as it should.
 */
export class Expiry {
  readonly #timed = new Set<StoredObject>();
  /** Not after the earliest end of all; a look before it has nothing to do. */
  #earliest = Number.POSITIVE_INFINITY;
  #lookedAt: number;
  #graceEndsAt = Number.NEGATIVE_INFINITY;

  constructor(nowSeconds: number) {
    this.#lookedAt = nowSeconds;
  }

  /** Takes note of when an object is to go, also when that has changed. */
  note(object: StoredObject): void {
    if (object.keepUntilSeconds === undefined) {
      this.#timed.delete(object);
      return;
    }
    this.#timed.add(object);
    this.#earliest = Math.min(this.#earliest, object.keepUntilSeconds);
  }

  forget(object: StoredObject): void {
    this.#timed.delete(object);
  }

  /** The objects whose time is over. Those that stay all the same are named again the next time. */
  due(nowSeconds: number): StoredObject[] {
    if (!this.#isCredible(nowSeconds) || nowSeconds < this.#earliest) return [];
    const due: StoredObject[] = [];
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const object of this.#timed) {
      const { keepUntilSeconds = Number.POSITIVE_INFINITY } = object;
      if (keepUntilSeconds <= nowSeconds) due.push(object);
      this.#earliest = Math.min(this.#earliest, keepUntilSeconds);
    }
    return due;
  }

  #isCredible(nowSeconds: number): boolean {
    const aheadSeconds = nowSeconds - this.#lookedAt;
    this.#lookedAt = nowSeconds;
    if (aheadSeconds > JUMP_SECONDS) this.#graceEndsAt = nowSeconds + GRACE_SECONDS;
    else if (aheadSeconds < 0) this.#graceEndsAt = Number.NEGATIVE_INFINITY;
    return nowSeconds >= this.#graceEndsAt;
  }
}
