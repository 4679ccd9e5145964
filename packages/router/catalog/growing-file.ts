import { type FileHandle, open } from "node:fs/promises";

/** Up to this much stays in memory alone; only longer bodies open a file before they are complete. */
export const SPILL_BYTES = 262_144;
/** The newest bytes, kept in memory for readers that keep up with the writer. */
const WINDOW_BYTES = 1_048_576;
/** Bytes that may wait for the disk before the writer has to. */
const MAX_UNWRITTEN_BYTES = 2_097_152;
/** What a reader that lags behind takes from the file at a time: all that one slow client holds in memory. */
const BLOCK_BYTES = 262_144;

interface Chunk {
  first: number;
  bytes: Uint8Array;
}

/**
 * One body while it arrives: a single writer, any number of readers at their own pace. Its memory is bounded whatever the body's size and
 * however slow the readers: who keeps up reads the newest bytes from memory, who lags reads the file.
 *
 * States: growing → `end()` (complete) or `fail()` (readers throw). `path` is where the file lies now; `moved` tells of a rename.
 */
export class GrowingFile {
  #path: string;
  #handle: FileHandle | undefined;
  #chunks: Chunk[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #writtenBytes = 0;
  #releasedBytes = 0;
  #ended = false;
  #error: Error | undefined;
  #writing: Promise<void> | undefined;
  #reopening: Promise<FileHandle> | undefined;
  #readers = 0;
  #change = Promise.withResolvers<void>();

  constructor(path: string) {
    this.#path = path;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** True once a file was opened; false while all bytes are in memory. */
  get spilled(): boolean {
    return this.#handle !== undefined || this.#writing !== undefined || this.#writtenBytes > 0;
  }

  /**
   * Takes the next bytes. `release: false` keeps them from readers until `release()`. Resolves when the writer may go on: at once unless the
   * disk lags behind. The chunk must not be changed afterwards.
   * @throws what the disk throws, on this or a later call
   */
  async append(bytes: Uint8Array, release = true): Promise<void> {
    this.#throwIfFailed();
    this.#chunks.push({ first: this.#receivedBytes, bytes });
    this.#heldBytes += bytes.length;
    this.#receivedBytes += bytes.length;
    if (release) this.release();
    if (this.#receivedBytes <= SPILL_BYTES) return;
    this.#writing ??= this.#drain();
    if (this.#receivedBytes - this.#writtenBytes > MAX_UNWRITTEN_BYTES) await this.#writing;
    this.#throwIfFailed();
  }

  /** Lets readers have everything received. */
  release(): void {
    this.#releasedBytes = this.#receivedBytes;
    this.#notify();
  }

  /** All received bytes when none went to a file, else undefined. */
  wholeInMemory(): Uint8Array | undefined {
    if (this.spilled) return undefined;
    const [only] = this.#chunks;
    return this.#chunks.length === 1 ? only?.bytes : Buffer.concat(this.#chunks.map((chunk) => chunk.bytes));
  }

  /** Waits until the file, if there is one, holds everything received. @throws what the disk throws */
  async settle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#throwIfFailed();
  }

  /** The file now lies elsewhere (same file system: open handles stay good). */
  moved(path: string): void {
    this.#path = path;
  }

  /** Complete: readers get the rest and then the end. */
  end(): void {
    this.#ended = true;
    this.release();
    this.#closeWhenUnused();
  }

  /** Readers throw this error, also those that come later. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#error ??= error;
    this.#chunks = [];
    this.#notify();
    this.#closeWhenUnused();
  }

  /** Bytes `first` to `last` (inclusive; all up to the end when absent), as they become readable. */
  async *read(first: number, last = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array, void, undefined> {
    this.#readers += 1;
    try {
      for (let at = first; at <= last; ) {
        this.#throwIfFailed();
        const end = Math.min(this.#releasedBytes, last + 1);
        if (at < end) {
          const bytes = this.#fromMemory(at, end) ?? (await this.#fromFile(at, end));
          at += bytes.length;
          yield bytes;
        } else if (this.#ended) return;
        else await this.#change.promise;
      }
    } finally {
      this.#readers -= 1;
      this.#closeWhenUnused();
    }
  }

  #fromMemory(at: number, end: number): Uint8Array | undefined {
    // Readers that keep up want the newest chunk: search from that end.
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i] as Chunk;
      if (chunk.first > at) continue;
      const offset = at - chunk.first;
      return offset < chunk.bytes.length ? chunk.bytes.subarray(offset, offset + end - at) : undefined;
    }
    return undefined;
  }

  async #fromFile(at: number, end: number): Promise<Uint8Array> {
    const handle = this.#handle ?? (await this.#reopen());
    const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, end - at));
    const { bytesRead } = await handle.read(block, 0, block.length, at);
    if (bytesRead === 0) throw new Error(`reading ${this.#path} at byte ${at}: the file is shorter`);
    return bytesRead === block.length ? block : block.subarray(0, bytesRead);
  }

  /** For a body that starts being read after the writer let go of the file; once for all who ask meanwhile. */
  #reopen(): Promise<FileHandle> {
    this.#reopening ??= open(this.#path, "r")
      .then((handle) => {
        this.#handle = handle;
        return handle;
      })
      .finally(() => {
        this.#reopening = undefined;
        this.#closeWhenUnused();
      });
    return this.#reopening;
  }

  /** Writes what is in memory until nothing is left to write, then lets go of what readers who keep up no longer need. */
  async #drain(): Promise<void> {
    try {
      this.#handle ??= await open(this.#path, "w+");
      while (this.#writtenBytes < this.#receivedBytes && this.#error === undefined) {
        const unwritten = this.#chunks.filter((chunk) => chunk.first >= this.#writtenBytes).map((chunk) => chunk.bytes);
        await writeAll(this.#handle, Buffer.concat(unwritten), this.#writtenBytes);
        for (const bytes of unwritten) this.#writtenBytes += bytes.length;
        this.#trim();
      }
    } catch (error) {
      this.fail(error as Error);
    } finally {
      this.#writing = undefined;
      this.#closeWhenUnused();
    }
  }

  #trim(): void {
    let dropped = 0;
    for (const { first, bytes } of this.#chunks) {
      if (this.#heldBytes <= WINDOW_BYTES || first + bytes.length > this.#writtenBytes) break;
      this.#heldBytes -= bytes.length;
      dropped += 1;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  #closeWhenUnused(): void {
    if (this.#readers > 0 || this.#writing !== undefined || !(this.#ended || this.#error !== undefined)) return;
    const handle = this.#handle;
    this.#handle = undefined;
    if (this.#writtenBytes > 0) this.#chunks = [];
    handle?.close().catch(() => {});
  }

  #throwIfFailed(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  #notify(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers<void>();
    resolve();
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
