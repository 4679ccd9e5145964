import { NesonError } from "../error.ts";
import type { Headers } from "../http/answer.ts";

/** Small pieces are gathered in blocks of this, so that what waits costs little more than its bytes. */
const GATHERED_BYTES = 4096;

/** Where content comes from, as its reader's side sees it. */
export interface ContentSource {
  /** The reader waits, and nothing is there. */
  wanted(): void;
  /** So many bytes were read or thrown away: as many more may come. */
  taken(bytes: number): void;
}

type Step = IteratorResult<Uint8Array, undefined>;

interface Waiting {
  resolve(step: Step): void;
  reject(error: unknown): void;
}

/** A request's content on its way from a connection to one reader: what is received waits here until it is read. */
export class ReceivedContent implements AsyncIterable<Uint8Array, undefined> {
  readonly #source: ContentSource;
  readonly #blocks: Uint8Array[] = [];
  /** The last block, while small pieces are gathered in it, and how much of it is filled. */
  #gathering: Uint8Array | undefined;
  #gatheredBytes = 0;
  #queuedBytes = 0;
  readonly #waiting: Waiting[] = [];
  #trailers: Headers = [];
  #error: NesonError | undefined;
  #isEnded = false;
  #isUnwanted = false;
  #isOpened = false;

  constructor(source: ContentSource) {
    this.#source = source;
  }

  /** Bytes that wait to be read. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** True once somebody has begun to read. */
  get isOpened(): boolean {
    return this.#isOpened;
  }

  /** True while whoever sends is to send more: a reader waits, or all of it is thrown away. */
  get isStarved(): boolean {
    return !this.#isEnded && (this.#waiting.length > 0 || this.#isUnwanted);
  }

  /** See EdgeRequest. */
  trailers(): Headers {
    return this.#isEnded && this.#queuedBytes === 0 ? this.#trailers : [];
  }

  /** Adds bytes start..end, which are copied. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size === 0) return;
    if (this.#isUnwanted || this.#isEnded || this.#error !== undefined) {
      this.#source.taken(size);
      return;
    }
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: copyOf(bytes, start, end) });
      this.#source.taken(size);
      return;
    }
    this.#queuedBytes += size;
    if (this.#gather(bytes, start, end)) return;
    this.#close();
    if (this.#blocks.length > 0 && size < GATHERED_BYTES) {
      this.#gathering = new Uint8Array(GATHERED_BYTES);
      this.#gatheredBytes = 0;
      this.#blocks.push(this.#gathering);
      this.#gather(bytes, start, end);
    } else {
      this.#blocks.push(copyOf(bytes, start, end));
    }
  }

  /** The content is whole. */
  end(trailers: Headers = []): void {
    if (this.#isEnded || this.#error !== undefined) return;
    this.#isEnded = true;
    this.#trailers = trailers;
    for (const reader of this.#waiting.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  /** The rest will not come: whoever reads on is told so, for a part must never pass for the whole. */
  fail(code: string, message: string): void {
    if (this.#isEnded || this.#error !== undefined) return;
    this.#error = new NesonError(code, message, { fault: "caller" });
    for (const reader of this.#waiting.splice(0)) reader.reject(this.#error);
  }

  /** Its request is over: what waits and what comes is thrown away, and whoever reads on is told that it is not whole. */
  abandon(): void {
    if (!this.#isEnded || this.#queuedBytes > 0) {
      this.#isEnded = false;
      this.fail("request-cut-short", "the request was over before its content was read");
    }
    this.discard();
  }

  /** Its reader wants no more: what waits and what comes is thrown away. */
  discard(): void {
    if (this.#isUnwanted) return;
    this.#isUnwanted = true;
    this.#blocks.length = 0;
    this.#gathering = undefined;
    const droppedBytes = this.#queuedBytes;
    this.#queuedBytes = 0;
    for (const reader of this.#waiting.splice(0)) reader.resolve({ done: true, value: undefined });
    if (droppedBytes > 0) this.#source.taken(droppedBytes);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    this.#isOpened = true;
    return {
      next: () => this.#next(),
      return: async () => {
        this.discard();
        return { done: true, value: undefined };
      },
    };
  }

  #next(): Promise<Step> {
    const block = this.#blocks.shift();
    if (block !== undefined) {
      const isGathering = block === this.#gathering;
      if (isGathering) this.#gathering = undefined;
      const value = isGathering ? this.#gathered(block) : block;
      this.#queuedBytes -= value.length;
      this.#source.taken(value.length);
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isEnded || this.#isUnwanted) return Promise.resolve({ done: true, value: undefined });
    const { promise, resolve, reject } = Promise.withResolvers<Step>();
    this.#waiting.push({ resolve, reject });
    this.#source.wanted();
    return promise;
  }

  /** The block that is being filled takes no more. */
  #close(): void {
    if (this.#gathering !== undefined) this.#blocks[this.#blocks.length - 1] = this.#gathered(this.#gathering);
    this.#gathering = undefined;
  }

  #gathered(block: Uint8Array): Uint8Array {
    return block.subarray(0, this.#gatheredBytes);
  }

  /** False when the piece does not fit into the block that is being filled. */
  #gather(bytes: Uint8Array, start: number, end: number): boolean {
    const block = this.#gathering;
    if (block === undefined || this.#gatheredBytes + end - start > block.length) return false;
    block.set(bytes.subarray(start, end), this.#gatheredBytes);
    this.#gatheredBytes += end - start;
    return true;
  }
}

/** The content of a request that has none. */
export const NO_CONTENT: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** slice() of a Buffer would be none. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
