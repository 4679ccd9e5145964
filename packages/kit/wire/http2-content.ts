import type { Headers } from "../http/answer.ts";
import type { Http2Inflow } from "./http2-inflow.ts";
import { type ContentSource, ReceivedContent } from "./received-content.ts";
import { SlowSenderTimer } from "./slow-sender.ts";

/** What a stream's content works with. */
export interface Http2ContentOptions {
  /** The Content-Length given. */
  declaredBytes: number | undefined;
  connection: Http2Inflow;
  stream: Http2Inflow;
  /** Sends 100 when the client waits for it. */
  goOn: () => void;
  /** Something may be there to send. */
  wake: () => void;
}

/** The content of one request as DATA frames bring it (RFC 9113 section 8.1). */
export class Http2Content implements ContentSource {
  readonly received: ReceivedContent = new ReceivedContent(this);
  readonly #options: Http2ContentOptions;
  readonly #timer = new SlowSenderTimer();
  #receivedBytes = 0;

  constructor(options: Http2ContentOptions) {
    this.#options = options;
  }

  /** Takes a frame's payload, of which start..end is no padding; false when it breaks a window. */
  push(payloadBytes: number, bytes: Buffer, start: number, end: number): boolean {
    const { connection, stream } = this.#options;
    if (!stream.receive(payloadBytes)) return false;
    this.#receivedBytes += end - start;
    const padding = payloadBytes - (end - start);
    connection.give(padding);
    stream.give(padding);
    this.received.push(bytes, start, end);
    return true;
  }

  /** Whether more came than was declared, or, at the end, less: the message is malformed then (RFC 9113 section 8.1.1). */
  isMismatched(isEnd: boolean): boolean {
    const { declaredBytes } = this.#options;
    if (declaredBytes === undefined) return false;
    return isEnd ? this.#receivedBytes !== declaredBytes : this.#receivedBytes > declaredBytes;
  }

  /** The content is whole. */
  end(trailers: Headers = []): void {
    this.received.end(trailers);
  }

  /** The stream is over: what was not read never will be, and makes room for others. */
  close(): void {
    this.received.abandon();
  }

  /** Whether the client lets its reader wait for too long. */
  isTooSlow(nowMs: number, limitMs: number): boolean {
    return this.#timer.isTooSlow(this.received.isStarved ? this.#receivedBytes : undefined, nowMs, limitMs);
  }

  wanted(): void {
    if (this.#receivedBytes === 0) this.#options.goOn();
    this.#options.wake();
  }

  taken(bytes: number): void {
    this.#options.connection.give(bytes);
    this.#options.stream.give(bytes);
    this.#options.wake();
  }
}
