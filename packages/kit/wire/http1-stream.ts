import type { Headers } from "../http/answer.ts";
import { encodeLastChunk } from "./http1-encode.ts";
import type { Http1Output } from "./http1-output.ts";

const CRLF = Buffer.from("\r\n");

/** What a stream works with. */
export interface StreamOptions {
  output: Http1Output;
  /** Goes out with the first block. */
  head: Uint8Array;
  /** The Content-Length given; undefined when the length is not known. */
  declaredBytes: number | undefined;
  isChunked: boolean;
  /** Fields that follow a chunked body. */
  trailers: (() => Headers) | undefined;
  onDone: () => void;
  onFail: (error: unknown) => void;
}

/** Pulls a body as fast as the client takes it: a block is asked for once the one before was accepted whole. */
export class Http1Stream {
  readonly #options: StreamOptions;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #head: Uint8Array | undefined;
  #pulledBytes = 0;
  #isPulling = false;
  /** A block that came while the head was still on its way. */
  #held: IteratorResult<Uint8Array> | undefined;
  /** True from the source's end on. */
  #isEnding = false;
  #isOver = false;

  constructor(body: AsyncIterable<Uint8Array>, options: StreamOptions) {
    this.#options = options;
    this.#head = options.head;
    this.#iterator = body[Symbol.asyncIterator]();
  }

  /** False while nothing of the answer was sent, not even its head. */
  get hasBegun(): boolean {
    return this.#head === undefined;
  }

  /** Asks for the next block; call it to start, and whenever the output has become empty. */
  pull(): void {
    if (this.#isOver || this.#isPulling) return;
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      this.#take(held);
      return;
    }
    if (this.#isEnding) {
      this.#isOver = true;
      this.#options.onDone();
      return;
    }
    this.#isPulling = true;
    this.#iterator.next().then(this.#pulled, this.#fail);
  }

  /** Sends the head without its first block, when that is long in coming. */
  sendHead(): void {
    const head = this.#takeHead();
    if (head !== undefined) this.#options.output.send(head);
  }

  /** Gives the source up: nobody reads it any more. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isEnding) return;
    // A source that fails while being told to stop has nobody left to tell.
    this.#iterator.return?.()?.catch(() => {});
  }

  readonly #pulled = (step: IteratorResult<Uint8Array>): void => {
    this.#isPulling = false;
    if (this.#isOver) return;
    if (this.#options.output.isEmpty) this.#take(step);
    else this.#held = step;
  };

  #take(step: IteratorResult<Uint8Array>): void {
    try {
      const isAccepted = step.done === true ? this.#finish() : this.#send(step.value);
      if (isAccepted) this.pull();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** True when the next block may be asked for. */
  #send(block: Uint8Array): boolean {
    const { declaredBytes, isChunked, output } = this.#options;
    if (block.length === 0) return true;
    this.#pulledBytes += block.length;
    if (declaredBytes !== undefined && this.#pulledBytes > declaredBytes) {
      throw new Error(`body is longer than its Content-Length ${declaredBytes}`);
    }
    const before = this.#takeHead();
    if (!isChunked) return output.send(before ?? EMPTY, block);
    const size = Buffer.from(`${block.length.toString(16)}\r\n`);
    return output.send(before === undefined ? size : Buffer.concat([before, size]), block, CRLF);
  }

  #finish(): boolean {
    const { declaredBytes, isChunked, output, trailers } = this.#options;
    if (declaredBytes !== undefined && this.#pulledBytes < declaredBytes) {
      throw new Error(`body ended after ${this.#pulledBytes} bytes, its Content-Length is ${declaredBytes}`);
    }
    this.#isEnding = true;
    const head = this.#takeHead();
    if (!isChunked && head === undefined) return true;
    return output.send(
      head ?? EMPTY,
      isChunked ? undefined : EMPTY,
      isChunked ? encodeLastChunk(trailers?.() ?? []) : undefined,
    );
  }

  #takeHead(): Uint8Array | undefined {
    const head = this.#head;
    this.#head = undefined;
    return head;
  }

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return;
    this.stop();
    this.#options.onFail(error);
  };
}

const EMPTY = new Uint8Array(0);
