import { readFully } from "../store/verify-pieces.ts";
import { fillError } from "./fill-error.ts";
import type { PartFile } from "./part-file.ts";

/** What a reader asks its fill. */
export interface FillBodyDeps {
  /** Resolves once the piece is verified. */
  wait(index: number): Promise<void>;
  has(index: number): boolean;
  onBytes(bytes: number): void;
}

/** A span of an object that is being filled, as a response body: every byte waits until its piece is verified. */
export class FillBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #end: number;
  readonly #pieceSize: number;
  readonly #file: PartFile;
  readonly #deps: FillBodyDeps;
  #position: number;
  #isReading = false;
  #isOver = false;
  #isReleased = false;

  /** Takes over one use of `file`. */
  constructor(span: { first: number; last: number; pieceSize: number }, file: PartFile, deps: FillBodyDeps) {
    this.#position = span.first;
    this.#end = span.last + 1;
    this.#pieceSize = span.pieceSize;
    this.#file = file;
    this.#deps = deps;
  }

  /** Resolves once the first byte can be sent; rejects with the fill's error. */
  firstByte(): Promise<void> {
    return this.#deps.wait(this.#pieceAt());
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isOver || this.#position >= this.#end) return this.return();
    this.#isReading = true;
    try {
      const value = await this.#nextBlock();
      this.#deps.onBytes(value.length);
      return { done: false, value };
    } catch (error) {
      this.#isOver = true;
      throw error;
    } finally {
      this.#isReading = false;
      if (this.#isOver) this.#release();
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isOver = true;
    // Whoever is in the middle of reading lets go at the end of it.
    if (!this.#isReading) this.#release();
    return { done: true, value: undefined };
  }

  async #nextBlock(): Promise<Uint8Array> {
    const index = this.#pieceAt();
    if (!this.#deps.has(index)) await this.#deps.wait(index);
    const end = Math.min(this.#end, (index + 1) * this.#pieceSize);
    const block = Buffer.allocUnsafeSlow(end - this.#position);
    const readBytes = await readFully(this.#file.handle, block, this.#position);
    if (readBytes < block.length)
      throw fillError("disk", `the file being filled ended at byte ${this.#position + readBytes}`);
    this.#position = end;
    return block;
  }

  #pieceAt(): number {
    return Math.floor(this.#position / this.#pieceSize);
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#file.release().catch(() => {}); // nothing was written through it
  }
}
