import { createWriteStream, type WriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { AccessRecord } from "./access-record.ts";

/** Bytes that may wait for the disk; records beyond them are counted, not kept: logging never slows serving. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** How often it is looked whether the file was moved away, as log rotation does. */
const LOOK_MS = 1000;

/** One JSON object a line for each request, into a file. */
export class AccessLog implements AsyncDisposable {
  readonly #path: string;
  readonly #log: Log;
  readonly #looking: Timer;
  #stream: WriteStream;
  #inode: number | undefined;
  #dropped = 0;

  private constructor(path: string, log: Log, stream: WriteStream) {
    this.#path = path;
    this.#log = log;
    this.#stream = stream;
    this.#looking = setInterval(() => void this.#reopenIfMoved(), LOOK_MS);
  }

  /** @throws NesonError `access-log-unusable` (operator) when the file cannot be appended to */
  static async open(path: string, log: Log): Promise<AccessLog> {
    try {
      const accessLog = new AccessLog(path, log, await openStream(path));
      await accessLog.#noteInode();
      accessLog.#watch();
      return accessLog;
    } catch (cause) {
      const message = `opening the access log ${path} failed: ${describeError(cause)}; allowed: a file that can be appended to`;
      throw new NesonError("access-log-unusable", message, { fault: "operator", cause });
    }
  }

  /** Records that the disk was too slow for since the start. */
  get droppedRecords(): number {
    return this.#dropped;
  }

  add(record: AccessRecord): void {
    if (this.#stream.writableLength > MAX_WAITING_BYTES || !this.#stream.writable) {
      this.#dropped += 1;
      return;
    }
    this.#stream.write(`${JSON.stringify(record)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
  }

  #watch(): void {
    this.#stream.on("error", (error) => this.#log.error({ err: error }, "writing the access log failed"));
  }

  async #noteInode(): Promise<void> {
    this.#inode = (await stat(this.#path)).ino;
  }

  /** A rotated or deleted file gets a successor; what was given to the old one still goes there. */
  async #reopenIfMoved(): Promise<void> {
    const found = await stat(this.#path).catch(() => undefined);
    if (found !== undefined && found.ino === this.#inode && this.#stream.writable) return;
    try {
      const next = await openStream(this.#path);
      this.#stream.end();
      this.#stream = next;
      this.#watch();
      await this.#noteInode();
    } catch (error) {
      this.#log.error({ err: error }, `reopening the access log failed: ${describeError(error)}`);
    }
  }
}

function openStream(path: string): Promise<WriteStream> {
  return new Promise((resolve, reject) => {
    const stream = createWriteStream(path, { flags: "a", mode: 0o640 });
    stream.once("error", reject);
    stream.once("open", () => {
      stream.off("error", reject);
      resolve(stream);
    });
  });
}
