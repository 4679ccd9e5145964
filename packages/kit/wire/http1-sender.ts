import { abandon, stopBody } from "../http/abandon.ts";
import { type Answer, type Headers, header } from "../http/answer.ts";
import { answerOfError, reportFailure, textAnswer, wrongLength } from "../http/failure.ts";
import type { ByteSink, ConnectionContext } from "./connection.ts";
import { encodeHead, encodeInterim } from "./http1-encode.ts";
import type { Refusal } from "./http1-head.ts";
import { Http1Output } from "./http1-output.ts";
import type { Http1Request } from "./http1-request.ts";
import { Http1Stream } from "./http1-stream.ts";

const NO_BYTES = new Uint8Array(0);

/** What a sender tells its connection. */
export interface SenderEvents {
  /** The kernel has the whole answer. */
  finished(): void;
  /** It was so outside of any call from the connection. */
  readOn(): void;
  /** The body broke off: the connection must too. `isLengthTold`: the client can see for itself that something is missing. */
  broken(isLengthTold: boolean): void;
}

/** Sends the answers of one HTTP/1 connection, one at a time. */
export class Http1Sender {
  readonly #sink: ByteSink;
  readonly #context: ConnectionContext;
  readonly #events: SenderEvents;
  readonly #output: Http1Output;
  #answer: Answer | undefined;
  #stream: Http1Stream | undefined;
  /** What is left of an interim answer; goes before whatever comes next. */
  #interim: Uint8Array = NO_BYTES;
  /** True when the connection ends with the answer under way. */
  isLast = false;

  constructor(sink: ByteSink, context: ConnectionContext, events: SenderEvents) {
    this.#sink = sink;
    this.#context = context;
    this.#events = events;
    this.#output = new Http1Output(sink);
  }

  /** False until the answer to the current request has begun. */
  get hasBegun(): boolean {
    return this.#answer !== undefined;
  }

  /** True while bytes wait for the client. */
  get isBlocked(): boolean {
    return !this.#output.isEmpty;
  }

  /** Counts up whenever the client has taken something. */
  get progress(): number {
    return this.#output.progress;
  }

  /** Begins an answer. */
  start(request: Http1Request, answer: Answer): void {
    try {
      this.#write(request, answer);
    } catch (error) {
      abandon(answer);
      this.#write(request, answerOfError(this.#context.log, error, request));
    }
  }

  /** Answers 101 and then sends the body as it comes. */
  startTunnel(request: Http1Request, answer: Answer): void {
    let head: Uint8Array;
    try {
      head = encodeInterim(101, answer.headers);
    } catch (error) {
      abandon(answer);
      this.#write(request, answerOfError(this.#context.log, error, request));
      return;
    }
    this.isLast = true;
    this.#answer = answer;
    this.#output.startBody();
    const { body } = answer;
    if (body !== null && !(body instanceof Uint8Array)) {
      this.#pump(request, answer, body, { head, declaredBytes: undefined, isChunked: false });
      // The client may speak first, and waits for this before it does.
      this.#stream?.sendHead();
      return;
    }
    if (this.#output.send(this.#withInterim(head), body ?? NO_BYTES)) this.#finish();
  }

  /** Sends an interim answer, unless one before it still waits. */
  inform(status: number, headers: Headers): void {
    if (this.hasBegun || this.#interim.length > 0) return;
    let bytes: Uint8Array;
    try {
      bytes = encodeInterim(status, headers);
    } catch (error) {
      this.#context.log.debug({ err: error }, "an interim answer was left out");
      return;
    }
    this.#interim = bytes.subarray(Math.max(0, this.#sink.write(bytes, 0)));
  }

  /** Answers what is not served with one line, in one try: a socket that does not take it is not worth waiting for. */
  refuse(status: Refusal["status"] | 408 | 413, line: string): void {
    const answer = textAnswer(status, line);
    const frame = { bodyBytes: line.length + 1, isChunked: false, connection: "close" } as const;
    const head = encodeHead(status, answer.headers, frame, this.#context.date());
    this.#sink.write(Buffer.concat([this.#withInterim(head.bytes), answer.body as Uint8Array]), 0);
  }

  /** The socket takes bytes again. */
  writable(): void {
    if (this.#answer === undefined) {
      if (this.#interim.length > 0) {
        this.#interim = this.#interim.subarray(Math.max(0, this.#sink.write(this.#interim, 0)));
      }
      return;
    }
    if (!this.#output.resume()) return;
    if (this.#stream !== undefined) this.#stream.pull();
    else this.#finish();
  }

  /** Tells the answer of progress. */
  report(): void {
    this.#answer?.progress?.(this.#output.bodyBytes);
  }

  /** Sends a head whose body is long in coming. */
  sendHead(): void {
    if (this.#stream !== undefined && this.#output.isEmpty) this.#stream.sendHead();
  }

  /** The socket is gone. */
  close(): void {
    this.#stream?.stop();
    this.#stream = undefined;
    const answer = this.#answer;
    this.#answer = undefined;
    this.#output.drop();
    answer?.sent?.(this.#output.bodyBytes, false);
  }

  /** Throws only before the first byte is written. */
  #write(request: Http1Request, answer: Answer): void {
    const { status, headers, body } = answer;
    const isBodiless = request.method === "HEAD" || status === 204 || status === 304;
    const isStream = body !== null && !(body instanceof Uint8Array);
    if (isStream && !isBodiless) {
      this.#writeStream(request, answer, body);
      return;
    }
    const bytes = isBodiless || isStream || body === null ? NO_BYTES : body;
    const head = encodeHead(
      status,
      headers,
      {
        bodyBytes: isBodiless ? undefined : bytes.length,
        isChunked: false,
        connection: this.#connectionField(request),
      },
      this.#context.date(),
    );
    if (!isBodiless && head.declaredBytes !== undefined && head.declaredBytes !== bytes.length) {
      throw wrongLength(String(head.declaredBytes), bytes.length);
    }
    if (head.closes) this.isLast = true;
    if (isStream) stopBody(body);
    this.#answer = answer;
    this.#output.startBody();
    if (this.#output.send(this.#withInterim(head.bytes), bytes)) this.#finish();
  }

  #writeStream(request: Http1Request, answer: Answer, body: AsyncIterable<Uint8Array>): void {
    const isChunked = request.httpVersion === "1.1" && header(answer.headers, "Content-Length") === undefined;
    const hasEnd = isChunked || header(answer.headers, "Content-Length") !== undefined;
    if (!hasEnd) this.isLast = true;
    const frame = { bodyBytes: undefined, isChunked, connection: this.#connectionField(request) };
    const head = encodeHead(answer.status, answer.headers, frame, this.#context.date());
    if (head.closes) this.isLast = true;
    this.#answer = answer;
    this.#output.startBody();
    this.#pump(request, answer, body, { head: head.bytes, declaredBytes: head.declaredBytes, isChunked });
  }

  #pump(
    request: Http1Request,
    answer: Answer,
    body: AsyncIterable<Uint8Array>,
    framing: { head: Uint8Array; declaredBytes: number | undefined; isChunked: boolean },
  ): void {
    this.#stream = new Http1Stream(body, {
      ...framing,
      output: this.#output,
      // A copy: slice() of a Buffer is none.
      head: new Uint8Array(this.#withInterim(framing.head)),
      trailers: answer.trailers,
      onDone: () => {
        this.#finish();
        this.#events.readOn();
      },
      onFail: (error) => this.#failed(request, answer, error, framing.declaredBytes !== undefined),
    });
    this.#stream.pull();
  }

  /** A client that has got nothing yet is told so; with any other only the connection's end says that the body is not whole. */
  #failed(request: Http1Request, answer: Answer, error: unknown, isLengthTold: boolean): void {
    if (this.#stream?.hasBegun !== false) {
      reportFailure(this.#context.log, error, request, "body failed midway, connection cut");
      this.#events.broken(isLengthTold);
      return;
    }
    this.#stream = undefined;
    this.#answer = undefined;
    answer.sent?.(0, false);
    this.#write(request, answerOfError(this.#context.log, error, request));
    this.#events.readOn();
  }

  #connectionField(request: Http1Request): "" | "close" | "keep-alive" {
    if (this.isLast) return "close";
    return request.httpVersion === "1.0" ? "keep-alive" : "";
  }

  #withInterim(head: Uint8Array): Uint8Array {
    if (this.#interim.length === 0) return head;
    const joined = Buffer.concat([this.#interim, head]);
    this.#interim = NO_BYTES;
    return joined;
  }

  #finish(): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    this.#stream = undefined;
    this.#events.finished();
    answer.sent?.(this.#output.bodyBytes, true);
  }
}
