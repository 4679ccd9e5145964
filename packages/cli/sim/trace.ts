import { NesonError } from "@neson/kit/error";

/** A log of requests, ready to be replayed. */
export interface Trace {
  /** What was asked for, in order: keys 0, 1, 2, … numbered by their first request. */
  keys: Int32Array;
  /** Each key's size in bytes, ≥ 1: its latest one in the log. All 1 when the log has none. */
  sizes: Float64Array;
  hasSizes: boolean;
  /** Bytes of all the objects together: what a cache needs that never evicts. */
  footprintBytes: number;
}

/** The most requests that are replayed; their keys alone then take 800 MB. */
export const MAX_REQUESTS = 200_000_000;
/** The most different objects in a log. */
const MAX_OBJECTS = 10_000_000;

/** Collects requests into a trace. Ids are strings or numbers, but not both in one log. */
export class TraceBuilder {
  readonly #source: string;
  readonly #limit: number;
  readonly #numbers = new Map<string | number, number>();
  #keys = new Int32Array(1024);
  #sizes = new Float64Array(1024);
  #count = 0;
  #hasSizes = false;

  /** `source` names the log in errors; of more than `limit` requests the first ones are taken. */
  constructor(source: string, limit = MAX_REQUESTS) {
    this.#source = source;
    this.#limit = Math.min(limit, MAX_REQUESTS);
  }

  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  /** Adds a request. A size of 0 (an empty object) counts as 1; none at all as well. Throws NesonError "trace-too-large". */
  add(id: string | number, size: number | undefined): void {
    let key = this.#numbers.get(id);
    if (key === undefined) {
      key = this.#numbers.size;
      if (key >= MAX_OBJECTS) throw this.#tooLarge(`more than ${MAX_OBJECTS} objects`);
      this.#numbers.set(id, key);
      if (key >= this.#sizes.length) this.#sizes = grown(this.#sizes, new Float64Array(key * 2));
    }
    if (this.#count >= this.#keys.length) this.#keys = grown(this.#keys, new Int32Array(this.#count * 2));
    this.#keys[this.#count++] = key;
    this.#sizes[key] = Math.max(1, size ?? 1);
    if (size !== undefined) this.#hasSizes = true;
  }

  /** The trace. Throws NesonError "trace-empty" when nothing was added. */
  finish(): Trace {
    if (this.#count === 0) {
      throw new NesonError("trace-empty", `${this.#source}: found no requests, allowed: at least one`, {
        fault: "caller",
      });
    }
    const sizes = this.#sizes.slice(0, this.#numbers.size);
    const footprintBytes = sizes.reduce((sum, size) => sum + size, 0);
    return { keys: this.#keys.slice(0, this.#count), sizes, hasSizes: this.#hasSizes, footprintBytes };
  }

  #tooLarge(found: string): NesonError {
    const allowed = `${MAX_OBJECTS}; --limit takes a log's first requests only`;
    return new NesonError("trace-too-large", `${this.#source}: found ${found}, allowed: ${allowed}`, {
      fault: "caller",
    });
  }
}

function grown<T extends Int32Array | Float64Array>(values: T, larger: T): T {
  larger.set(values);
  return larger;
}
