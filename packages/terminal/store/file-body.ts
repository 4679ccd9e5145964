import { close, closeSync, fstatSync, openSync, read, type Stats } from "node:fs";
import { NesonError } from "@neson/kit/error";
import { type BlockPool, SMALL_BLOCK_BYTES } from "./block-pool.ts";

/** What of a file changes when somebody writes to it or puts another in its place. */
export function stampOf(stats: Pick<Stats, "size" | "mtimeMs" | "ino">): string {
  return `${stats.size}:${stats.mtimeMs}:${stats.ino}`;
}

/** Opens a file for reading if it is still the one that was verified; undefined when it is gone or was touched since. */
export function openIfUnchanged(path: string, stamp: string): number | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return undefined;
  }
  if (stampOf(fstatSync(descriptor)) === stamp) return descriptor;
  closeSync(descriptor);
  return undefined;
}

/** A block that was taken within this was taken fast, ms. */
const FAST_MS = 50;

/** What a file body tells and asks. */
export interface FileBodyDeps {
  nowMs(): number;
  onBytes(bytes: number): void;
  blocks: BlockPool;
}

/**
 * A span of an open file as a response body. The descriptor is taken over and closed at the end, or when the client
 * leaves, whether or not reading had begun; it keeps the bytes readable when the object is deleted meanwhile.
 *
 * A block is used again for the next read: whoever pulls must be done with one before asking for the next. A fast client has large
 * blocks, which make its transfer cheap; a slow one small ones, because it holds its block for long.
 */
export class FileBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #deps: FileBodyDeps;
  readonly #end: number;
  #descriptor: number;
  #position: number;
  #block: Buffer | undefined;
  /** The first block is asked for as if the client were fast: most transfers end within it. */
  #yieldedAtMs = Number.POSITIVE_INFINITY;
  #isReading = false;
  #isOver = false;

  /** Bytes first..last, inclusive, of `descriptor`. */
  constructor(descriptor: number, first: number, last: number, deps: FileBodyDeps) {
    this.#descriptor = descriptor;
    this.#position = first;
    this.#end = last + 1;
    this.#deps = deps;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isOver || this.#position >= this.#end) return this.return();
    const block = this.#nextBlock();
    this.#isReading = true;
    let readBytes: number;
    try {
      readBytes = await readAt(
        this.#descriptor,
        block,
        Math.min(block.length, this.#end - this.#position),
        this.#position,
      );
    } catch (error) {
      this.#isReading = false;
      this.#close();
      throw error;
    }
    this.#isReading = false;
    if (this.#isOver) return this.return();
    if (readBytes === 0) {
      this.#close();
      throw new NesonError("object-short", `object file ended at byte ${this.#position}, expected ${this.#end}`, {
        fault: "operator",
      });
    }
    this.#position += readBytes;
    this.#deps.onBytes(readBytes);
    this.#yieldedAtMs = this.#deps.nowMs();
    return { done: false, value: readBytes === block.length ? block : block.subarray(0, readBytes) };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#close();
    return { done: true, value: undefined };
  }

  #nextBlock(): Buffer {
    const { blocks, nowMs } = this.#deps;
    const isFast = nowMs() - this.#yieldedAtMs <= FAST_MS;
    const isLarge = this.#block !== undefined && this.#block.length > SMALL_BLOCK_BYTES;
    if (this.#block !== undefined && (isLarge === isFast || (isFast && !blocks.hasLarge))) return this.#block;
    this.#giveBlock();
    this.#block = blocks.take(isFast);
    return this.#block;
  }

  #giveBlock(): void {
    if (this.#block !== undefined) this.#deps.blocks.give(this.#block);
    this.#block = undefined;
  }

  /** A read under way still uses the descriptor and the block: then the read's end closes them. */
  #close(): void {
    this.#isOver = true;
    if (this.#isReading || this.#descriptor < 0) return;
    close(this.#descriptor, () => {});
    this.#descriptor = -1;
    this.#giveBlock();
  }
}

/** A span of bytes in memory as a response body, in blocks, so that a slow client does not make the whole of it queue up. */
export async function* memoryBody(
  bytes: Uint8Array,
  first: number,
  last: number,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for (let at = first; at <= last; at += MEMORY_BLOCK_BYTES) {
    const block = bytes.subarray(at, Math.min(last + 1, at + MEMORY_BLOCK_BYTES));
    onBytes(block.length);
    yield block;
  }
}

const MEMORY_BLOCK_BYTES = 512 * 1024;

function readAt(descriptor: number, into: Buffer, bytes: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, into, 0, bytes, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}
