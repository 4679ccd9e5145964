/** Is handed what a source brings. */
export interface SourceReader {
  /** The next block, never empty; it does not change before the next `pull`. */
  block(bytes: Uint8Array): void;
  end(): void;
  /** The source failed, or does not fit its Content-Length; it is stopped. */
  fail(error: unknown): void;
}

/** An iterable body, pulled block by block. */
export class Http2Source {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #declaredBytes: number | undefined;
  readonly #reader: SourceReader;
  #pulledBytes = 0;
  #isOver = false;

  constructor(body: AsyncIterable<Uint8Array>, declaredBytes: number | undefined, reader: SourceReader) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#declaredBytes = declaredBytes;
    this.#reader = reader;
  }

  /** Asks for the next block. */
  pull(): void {
    if (!this.#isOver) this.#next().then(this.#take, this.#fail);
  }

  /** Gives the source up: what it holds is freed. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A source that fails while being told to stop has nobody left to tell.
    this.#iterator.return?.()?.catch(() => {});
  }

  /** Async, so that a source that throws at once is told of no sooner than any other. */
  async #next(): Promise<IteratorResult<Uint8Array>> {
    return this.#iterator.next();
  }

  readonly #take = ({ done, value }: IteratorResult<Uint8Array>): void => {
    if (this.#isOver) return;
    const declared = this.#declaredBytes;
    if (done === true) {
      if (declared !== undefined && this.#pulledBytes < declared) {
        this.#fail(new Error(`body ended after ${this.#pulledBytes} bytes, its Content-Length is ${declared}`));
        return;
      }
      this.#isOver = true;
      this.#reader.end();
      return;
    }
    if (value.length === 0) {
      this.pull();
      return;
    }
    this.#pulledBytes += value.length;
    if (declared !== undefined && this.#pulledBytes > declared) {
      this.#fail(new Error(`body is longer than its Content-Length ${declared}`));
      return;
    }
    this.#reader.block(value);
  };

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return;
    this.stop();
    this.#reader.fail(error);
  };
}
