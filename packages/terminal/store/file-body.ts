import { close, closeSync, fstatSync, openSync, read, type Stats } from "node:fs";
import { NesonError } from "@neson/kit/error";

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

/**
 * Block sizes by how many bytes the client has taken fast in a row. A slow client looks fast until the kernel's buffers are full, some
 * megabytes, so blocks stay small that long: with hundreds of slow clients, what counts is what each holds in memory.
 */
const BLOCKS = [
  { fromBytes: 12 * 1024 * 1024, blockBytes: 1024 * 1024 },
  { fromBytes: 4 * 1024 * 1024, blockBytes: 256 * 1024 },
  { fromBytes: 0, blockBytes: 64 * 1024 },
] as const;
/** A block that was taken within this was taken fast, ms. */
const FAST_MS = 50;

/** What a file body tells and asks. */
export interface FileBodyDeps {
  nowMs(): number;
  onBytes(bytes: number): void;
}

/**
 * A span of an open file as a response body. The descriptor is taken over and closed at the end, or when the client
 * leaves, whether or not reading had begun; it keeps the bytes readable when the object is deleted meanwhile.
 *
 * Blocks grow with the client's speed: large ones make fast transfers cheap.
 */
export class FileBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #deps: FileBodyDeps;
  readonly #end: number;
  #descriptor: number;
  #position: number;
  #fastBytes = 0;
  #yieldedAtMs = 0;
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
    const block = Buffer.allocUnsafeSlow(Math.min(this.#nextBlockBytes(), this.#end - this.#position));
    this.#isReading = true;
    let readBytes: number;
    try {
      readBytes = await readAt(this.#descriptor, block, this.#position);
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
    this.#fastBytes += readBytes;
    this.#deps.onBytes(readBytes);
    this.#yieldedAtMs = this.#deps.nowMs();
    return { done: false, value: readBytes === block.length ? block : block.subarray(0, readBytes) };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#close();
    return { done: true, value: undefined };
  }

  #nextBlockBytes(): number {
    if (this.#deps.nowMs() - this.#yieldedAtMs > FAST_MS) this.#fastBytes = 0;
    return BLOCKS.find(({ fromBytes }) => this.#fastBytes >= fromBytes)?.blockBytes ?? 0;
  }

  /** A read under way still uses the descriptor: then the read's end closes it. */
  #close(): void {
    this.#isOver = true;
    if (this.#isReading || this.#descriptor < 0) return;
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

function readAt(descriptor: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, into, 0, into.length, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}
