import { ChunkedDecoder } from "./chunked-decoder.ts";
import type { ByteSink } from "./connection.ts";
import type { RequestHead } from "./http1-head.ts";
import { type ContentSource, ReceivedContent } from "./received-content.ts";
import { SlowSenderTimer } from "./slow-sender.ts";

/** More than this does not wait for its reader: then the client is not listened to for a while. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** Content that nobody wants is read up to this much, so that the connection can be used again. */
const MAX_DRAINED_BYTES = 256 * 1024;

/** What a request's content works with. */
export interface Http1ContentOptions {
  sink: ByteSink;
  /** Of the trailer section. */
  maxTrailerBytes: number;
  /** Sends 100. */
  goOn: () => void;
}

/**
 * The content of one request as it is received (RFC 9112 sections 6 and 7): decoded, held back while its reader is slow, and thrown away when nobody
 * wants it. After an answer 101 it is whatever the client sends.
 */
export class Http1Content implements ContentSource {
  readonly received: ReceivedContent = new ReceivedContent(this);
  readonly #options: Http1ContentOptions;
  readonly #timer = new SlowSenderTimer();
  #decoder: ChunkedDecoder | undefined;
  /** Bytes that are still to come, when their number was given. */
  #left = 0;
  #receivedBytes = 0;
  #drainedBytes = 0;
  /** True while the client waits for 100. */
  #isAwaited: boolean;
  #isTunnel = false;
  #isDrained = false;
  fault: string | undefined;

  constructor(head: RequestHead, options: Http1ContentOptions) {
    this.#options = options;
    this.#isAwaited = head.expectsContinue;
    if (head.content !== "chunked") this.#left = head.content;
    else
      this.#decoder = new ChunkedDecoder(options.maxTrailerBytes, (bytes, start, end) => this.#take(bytes, start, end));
  }

  /** True once all of it was received; never for a tunnel. */
  get isWhole(): boolean {
    return !this.#isTunnel && (this.#decoder === undefined ? this.#left === 0 : this.#decoder.isDone);
  }

  /** Whether what is still to come is little enough, and sure enough to come, to be read away after the answer. */
  get mayDrain(): boolean {
    if (this.#isAwaited || this.fault !== undefined) return false;
    return this.isWhole || this.#left <= MAX_DRAINED_BYTES;
  }

  /** True once more was thrown away than is worth it. */
  get isDrainedOut(): boolean {
    return this.#drainedBytes > MAX_DRAINED_BYTES;
  }

  /** Reads from `at` on; the position after what belongs to the content. */
  readonly read = (bytes: Buffer, at: number): number => {
    if (at < bytes.length) this.#isAwaited = false;
    const end = this.#isTunnel ? bytes.length : this.#decode(bytes, at);
    if (this.#isTunnel) this.#take(bytes, at, end);
    if (this.fault !== undefined) this.received.fail("bad-content", `bad request: ${this.fault}`);
    else if (this.isWhole) this.received.end(this.#decoder?.trailers);
    else if (this.received.queuedBytes > MAX_QUEUED_BYTES) this.#options.sink.pause();
    return end;
  };

  /** Nobody will read the rest. */
  drain(): void {
    this.#isDrained = true;
    this.received.abandon();
    this.#options.sink.resume();
  }

  /** From now on everything that comes is handed on as it is (RFC 9110 section 7.8). */
  openTunnel(): void {
    this.#isTunnel = true;
  }

  /** The socket is gone. */
  close(): void {
    if (this.#isTunnel) this.received.end();
    else this.received.fail("request-cut-short", "the client left before the end of its request");
  }

  /** Whether the client lets its reader wait for too long. */
  isTooSlow(nowMs: number, limitMs: number): boolean {
    if (this.#isTunnel) return false;
    return this.#timer.isTooSlow(this.received.isStarved ? this.#receivedBytes : undefined, nowMs, limitMs);
  }

  wanted(): void {
    this.#options.sink.resume();
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#options.goOn();
  }

  taken(bytes: number): void {
    if (this.#isDrained) this.#drainedBytes += bytes;
    if (this.received.queuedBytes <= MAX_QUEUED_BYTES / 2) this.#options.sink.resume();
  }

  #decode(bytes: Buffer, at: number): number {
    if (this.#decoder !== undefined) {
      const end = this.#decoder.read(bytes, at);
      this.fault = this.#decoder.fault;
      return end;
    }
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#take(bytes, at, end);
    return end;
  }

  #take(bytes: Buffer, start: number, end: number): void {
    this.#receivedBytes += end - start;
    this.received.push(bytes, start, end);
  }
}
