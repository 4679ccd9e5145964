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

/** One block's reading. */
interface Reading {
  block: Buffer;
  /** Bytes that were read; 0 at the end of the file. */
  bytes: number;
}

/**
 * A span of an open file as a response body. The descriptor is taken over and closed at the end, or when the client
 * leaves, whether or not reading had begun; it keeps the bytes readable when the object is deleted meanwhile.
 *
 * Blocks are used again: whoever pulls must be done with one before asking for the next. A fast client has large blocks, which make its
 * transfer cheap, and the next one is read while it takes one; a slow client has one small block, because it holds it for long.
 */
export class FileBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #deps: FileBodyDeps;
  readonly #end: number;
  #descriptor: number;
  /** Where the next reading begins. */
  #readPosition: number;
  /** With whoever pulls, until the next pull. */
  #lent: Buffer | undefined;
  /** Neither lent nor being read into. */
  #spare: Buffer | undefined;
  #ahead: Promise<Reading> | undefined;
  /** The first block is asked for as if the client were fast: most transfers end within it. */
  #yieldedAtMs = Number.POSITIVE_INFINITY;
  #readings = 0;
  #isOver = false;

  /** Bytes first..last, inclusive, of `descriptor`. */
  constructor(descriptor: number, first: number, last: number, deps: FileBodyDeps) {
    this.#descriptor = descriptor;
    this.#readPosition = first;
    this.#end = last + 1;
    this.#deps = deps;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const isFast = this.#deps.nowMs() - this.#yieldedAtMs <= FAST_MS;
    this.#takeBack();
    if (this.#isOver || (this.#ahead === undefined && this.#readPosition >= this.#end)) return this.return();
    const reading = this.#ahead ?? this.#read(this.#pickBlock(isFast));
    this.#ahead = undefined;
    const { block, bytes } = await reading.catch((error) => {
      this.#close();
      throw error;
    });
    if (this.#isOver) {
      this.#deps.blocks.give(block);
      return this.return();
    }
    this.#lent = block;
    if (isFast) this.#readAhead();
    else this.#giveSpare();
    this.#deps.onBytes(bytes);
    this.#yieldedAtMs = this.#deps.nowMs();
    return { done: false, value: bytes === block.length ? block : block.subarray(0, bytes) };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#close();
    return { done: true, value: undefined };
  }

  /** Whoever pulled is done with its block: one is kept for the next reading. */
  #takeBack(): void {
    if (this.#lent === undefined) return;
    this.#giveSpare();
    this.#spare = this.#lent;
    this.#lent = undefined;
  }

  #giveSpare(): void {
    if (this.#spare !== undefined) this.#deps.blocks.give(this.#spare);
    this.#spare = undefined;
  }

  #pickBlock(isFast: boolean): Buffer {
    const { blocks } = this.#deps;
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare === undefined) return blocks.take(isFast);
    const isLarge = spare.length > SMALL_BLOCK_BYTES;
    if (isLarge === isFast || (isFast && !blocks.hasLarge)) return spare;
    blocks.give(spare);
    return blocks.take(isFast);
  }

  /** Only into a large block: a transfer that has to do with small ones is one of too many. */
  #readAhead(): void {
    if (this.#readPosition >= this.#end) return;
    const hasSpare = this.#spare !== undefined && this.#spare.length > SMALL_BLOCK_BYTES;
    if (!hasSpare && !this.#deps.blocks.hasLarge) return;
    this.#ahead = this.#read(this.#pickBlock(true));
    // Its error is told to whoever pulls next; nobody may.
    this.#ahead.catch(() => {});
  }

  async #read(block: Buffer): Promise<Reading> {
    const at = this.#readPosition;
    const wanted = Math.min(block.length, this.#end - at);
    // Readings never overlap: the next one begins where this one is expected to end.
    this.#readPosition += wanted;
    this.#readings++;
    try {
      const bytes = await readFully(this.#descriptor, block, wanted, at);
      if (bytes === wanted) return { block, bytes };
      const message = `object file ended at byte ${at + bytes}, expected ${this.#end}`;
      throw new NesonError("object-short", message, { fault: "operator" });
    } catch (error) {
      this.#deps.blocks.give(block);
      throw error;
    } finally {
      this.#readings--;
      if (this.#isOver) this.#close();
    }
  }

  /** A reading under way still uses the descriptor: then its end closes it. */
  #close(): void {
    this.#isOver = true;
    this.#takeBack();
    this.#giveSpare();
    this.#ahead?.then(({ block }) => this.#deps.blocks.give(block)).catch(() => {});
    this.#ahead = undefined;
    if (this.#readings > 0 || this.#descriptor < 0) return;
    close(this.#descriptor, () => {});
    this.#descriptor = -1;
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

/** As many bytes as wanted; fewer only at the end of the file. */
async function readFully(descriptor: number, into: Buffer, wanted: number, position: number): Promise<number> {
  let done = 0;
  while (done < wanted) {
    const bytes = await readAt(descriptor, into, done, wanted - done, position + done);
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}

function readAt(descriptor: number, into: Buffer, at: number, bytes: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, into, at, bytes, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}
