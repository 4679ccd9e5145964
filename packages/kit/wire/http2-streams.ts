import { abandon } from "../http/abandon.ts";
import type { Answer, Headers } from "../http/answer.ts";
import { answerOfError, reportFailure, textAnswer } from "../http/failure.ts";
import type { ConnectionContext } from "./connection.ts";
import type { Http2Budget } from "./http2-budget.ts";
import { ClosedStreams } from "./http2-closed.ts";
import { Http2Content } from "./http2-content.ts";
import { ERROR, FRAME, frameOf, MAX_WINDOW_BYTES, write32 } from "./http2-frames.ts";
import { CONNECTION_INFLOW_BYTES, Http2Inflow, STREAM_INFLOW_BYTES } from "./http2-inflow.ts";
import { type Http2Head, Http2Request } from "./http2-request.ts";
import type { Http2Sender } from "./http2-sender.ts";
import { Http2Stream, type StreamEvents } from "./http2-stream.ts";
import type { Informer, ReceivedRequest } from "./received-request.ts";

/** What the streams of a connection work with. */
export interface StreamsOptions {
  context: ConnectionContext;
  sender: Http2Sender;
  budget: Http2Budget;
  remoteAddress: string;
  /** A connection error. */
  fault: (code: number, found: string) => void;
  /** There is something to send, although nothing was received. */
  wake: () => void;
}

/** The open streams of one connection, from the request to the last byte of the answer. */
export class Http2Streams implements StreamEvents, Informer {
  readonly #options: StreamsOptions;
  readonly #open = new Map<number, Http2Stream>();
  /** What is over; see there. */
  readonly closed = new ClosedStreams();
  /** What the client may send on all streams together. */
  readonly inflow = new Http2Inflow(0, CONNECTION_INFLOW_BYTES, (frame) => this.#sendWindow(0, frame));
  #changes = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** Requests that wait for their answer, and answers that are not yet wholly in the kernel. */
  get size(): number {
    return this.#open.size;
  }

  /** Counts beginnings and ends. */
  get changes(): number {
    return this.#changes;
  }

  /** An open stream. */
  get(streamId: number): Http2Stream | undefined {
    return this.#open.get(streamId);
  }

  /** Opens a stream; without a head its request is only to be refused. */
  add(streamId: number, head: Http2Head | undefined, window: number, isRemoteOpen: boolean): Http2Stream {
    const { remoteAddress, context } = this.#options;
    const hasContent = head !== undefined && isRemoteOpen && context.takesContent;
    const content = hasContent ? this.#openContent(streamId, head) : undefined;
    const request =
      head === undefined
        ? undefined
        : new Http2Request(head, { streamId, remoteAddress, content: content?.received, informer: this });
    const stream = new Http2Stream(streamId, { request, content, isRemoteOpen }, window, this);
    this.#open.set(streamId, stream);
    this.#changes++;
    return stream;
  }

  /** Has a whole request answered; within this call when its handler answers at once. */
  handle(stream: Http2Stream): void {
    const { request } = stream;
    if (request === undefined) return;
    const result = this.#options.context.handle(request);
    if (!(result instanceof Promise)) {
      this.#answer(stream, result);
      return;
    }
    result.then((answer) => {
      this.#answer(stream, answer);
      this.#options.wake();
    });
  }

  /** Answers with one line of text instead of handling the request. */
  refuse(stream: Http2Stream, status: number, line: string): void {
    this.#answer(stream, textAnswer(status, line));
  }

  inform(request: ReceivedRequest, status: number, headers: Headers): void {
    if (!(request instanceof Http2Request)) return;
    const stream = this.#open.get(request.streamId);
    if (stream?.request !== request) return;
    try {
      stream.inform(status, headers);
    } catch (error) {
      this.#options.context.log.debug({ err: error }, "an interim answer was left out");
    }
  }

  /** A stream error, whether or not the stream is open (RFC 9113 section 5.4.2). */
  reset(streamId: number, code: number): void {
    const stream = this.#open.get(streamId);
    if (stream === undefined) this.closed.add(streamId, true);
    else this.#remove(stream, true);
    this.#sendReset(streamId, code);
    stream?.finish(false);
  }

  /** The client has reset a stream. */
  leave(stream: Http2Stream): void {
    this.#remove(stream, false);
    stream.finish(false);
  }

  /** RFC 9113 section 6.9.2: the initial window has changed; false when a window becomes too large. */
  changeWindows(changeBytes: number): boolean {
    for (const stream of this.#open.values()) {
      stream.window += changeBytes;
      if (stream.window > MAX_WINDOW_BYTES) return false;
      if (stream.leftBytes > 0) this.#options.sender.add(stream);
    }
    return true;
  }

  /** Deadlines; also sends heads whose body is long in coming. */
  inspect(nowMs: number): void {
    const { stallMs, headersMs, contentMs } = this.#options.context.limits;
    for (const stream of this.#open.values()) {
      if (stream.content?.isTooSlow(nowMs, contentMs) === true) {
        this.#giveUpContent(stream, stream.content);
        continue;
      }
      const quietMs = stream.quietMs(nowMs);
      if (stream.head !== undefined) this.#options.sender.add(stream);
      if (stream.isAnswered && quietMs >= stallMs) this.reset(stream.id, ERROR.cancel);
      else if (!stream.isAnswered && quietMs >= headersMs) this.refuse(stream, 408, "request took too long");
    }
  }

  /** The connection is gone. */
  finish(): void {
    for (const stream of this.#open.values()) stream.finish(false);
    this.#open.clear();
  }

  informed(stream: Http2Stream): void {
    this.ready(stream);
  }

  ready(stream: Http2Stream): void {
    this.#options.sender.add(stream);
    this.#options.wake();
  }

  done(stream: Http2Stream): void {
    this.#options.budget.earn();
    this.#remove(stream, stream.isRemoteOpen);
    // Section 8.1: the answer is whole, and the rest of the request is not wanted.
    if (stream.isRemoteOpen) this.#sendReset(stream.id, ERROR.none);
    stream.finish(true);
  }

  failed(stream: Http2Stream, error: unknown): void {
    const { log } = this.#options.context;
    const { method, target = "" } = stream.request ?? {};
    if (stream.head !== undefined && stream.replace(answerOfError(log, error, { method, target }))) {
      this.ready(stream);
      return;
    }
    reportFailure(log, error, { method, target }, "body failed midway, stream reset");
    this.reset(stream.id, ERROR.internal);
    this.#options.wake();
  }

  #answer(stream: Http2Stream, answer: Answer): void {
    if (stream.isOver || stream.isAnswered) {
      abandon(answer);
      return;
    }
    if (answer.status === 101) {
      // Section 8.6: HTTP/2 has no 101.
      abandon(answer);
      this.refuse(stream, 501, "the protocol cannot be changed here");
      return;
    }
    try {
      stream.start(answer);
    } catch (error) {
      abandon(answer);
      const { method, target = "" } = stream.request ?? {};
      stream.start(answerOfError(this.#options.context.log, error, { method, target }));
    }
    if (stream.isEnding) this.#options.sender.add(stream);
  }

  #openContent(streamId: number, { contentBytes, fields }: Http2Head): Http2Content {
    const isAwaited = fields.some(({ name, value }) => name === "expect" && value.toLowerCase() === "100-continue");
    return new Http2Content({
      declaredBytes: contentBytes,
      connection: this.inflow,
      stream: new Http2Inflow(streamId, STREAM_INFLOW_BYTES, (frame) => this.#sendWindow(streamId, frame)),
      goOn: () => {
        if (isAwaited) this.#open.get(streamId)?.inform(100, []);
      },
      wake: this.#options.wake,
    });
  }

  #giveUpContent(stream: Http2Stream, content: Http2Content): void {
    content.received.fail("request-too-slow", "the client's request content took too long");
    if (stream.isAnswered) this.reset(stream.id, ERROR.cancel);
    else this.refuse(stream, 408, "request content took too long");
  }

  /** A stream that the client has ended needs no window. */
  #sendWindow(streamId: number, frame: Uint8Array): void {
    if (streamId === 0 || this.#open.get(streamId)?.isRemoteOpen === true) this.#queue(frame);
  }

  #remove(stream: Http2Stream, wasReset: boolean): void {
    this.#open.delete(stream.id);
    this.closed.add(stream.id, wasReset);
    this.#changes++;
  }

  #sendReset(streamId: number, code: number): void {
    const payload = new Uint8Array(4);
    write32(code, payload, 0);
    this.#queue(frameOf(FRAME.resetStream, 0, streamId, payload));
  }

  #queue(frame: Uint8Array): void {
    if (this.#options.sender.output.queue(frame)) return;
    this.#options.fault(ERROR.enhanceYourCalm, "a client that makes frames necessary and does not read them");
  }
}
