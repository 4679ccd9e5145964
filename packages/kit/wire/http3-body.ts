import type { Answer } from "../http/answer.ts";

/** A block is handed on in parts of this: what one part more was asked for is what `sent` may be short of. */
const PART_BYTES = 64 * 1024;

/** What becomes of a body that is streamed over HTTP/3. */
export interface Http3BodyOptions {
  answer: Answer;
  /** The Content-Length given; undefined when the length is not known. */
  declaredBytes: number | undefined;
  onFail: (error: unknown) => void;
  /** Called once, after `sent`. */
  onOver: () => void;
}

/**
 * A body as a stream for `Bun.serve`. Bun 1.4.5 pulls only as fast as QUIC's flow control lets the client take it; it ends a stream whose source
 * fails as if it were whole, and leaves out the Content-Length by which a client would notice. So a body that fails, or is not as long as it
 * should be, is never ended here: it stays open until Bun's idle timeout breaks the connection, which no client takes for an end.
 */
export function http3Body(body: AsyncIterable<Uint8Array>, options: Http3BodyOptions): ReadableStream<Uint8Array> {
  const source = new Http3Source(body[Symbol.asyncIterator](), options);
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => source.pull(controller);
  return new ReadableStream({ pull, cancel: () => source.leave() }, { highWaterMark: 0 });
}

class Http3Source {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #options: Http3BodyOptions;
  /** What is left of the block that was pulled last. */
  #rest: Uint8Array = new Uint8Array(0);
  #pulledBytes = 0;
  /** Bytes of parts after which another was asked for: QUIC has taken them. */
  #takenBytes = 0;
  #partBytes = 0;
  #isOver = false;

  constructor(iterator: AsyncIterator<Uint8Array>, options: Http3BodyOptions) {
    this.#iterator = iterator;
    this.#options = options;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#partBytes > 0) {
      this.#takenBytes += this.#partBytes;
      this.#partBytes = 0;
      this.#options.answer.progress?.(this.#takenBytes);
    }
    try {
      if (this.#rest.length === 0 && !(await this.#next())) {
        if (this.#isOver) return;
        controller.close();
        this.#end(true);
        return;
      }
    } catch (error) {
      if (this.#isOver) return;
      this.#options.onFail(error);
      this.leave();
      return await NEVER;
    }
    if (this.#isOver) return;
    // A copy, which slice() of a Buffer is not: the source may use its block again, and Bun says of no part when it has been read.
    const part = new Uint8Array(this.#rest.subarray(0, PART_BYTES));
    this.#rest = this.#rest.subarray(part.length);
    this.#partBytes = part.length;
    controller.enqueue(part);
  }

  /** The client left, or the source failed. */
  leave(): void {
    if (this.#isOver) return;
    // A source that fails while being told to stop has nobody left to tell.
    this.#iterator.return?.()?.catch(() => {});
    this.#end(false);
  }

  /** False at the end of a body that is as long as it should be. */
  async #next(): Promise<boolean> {
    const { declaredBytes } = this.#options;
    for (;;) {
      const step = await this.#iterator.next();
      if (step.done === true) {
        if (declaredBytes === undefined || this.#pulledBytes === declaredBytes) return false;
        throw new Error(`body ended after ${this.#pulledBytes} bytes, its Content-Length is ${declaredBytes}`);
      }
      this.#pulledBytes += step.value.length;
      if (declaredBytes !== undefined && this.#pulledBytes > declaredBytes) {
        throw new Error(`body is longer than its Content-Length ${declaredBytes}`);
      }
      this.#rest = step.value;
      if (this.#rest.length > 0) return true;
    }
  }

  #end(isComplete: boolean): void {
    this.#isOver = true;
    this.#options.answer.sent?.(this.#takenBytes, isComplete);
    this.#options.onOver();
  }
}

const NEVER = new Promise<never>(() => {});
