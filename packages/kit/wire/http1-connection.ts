import { abandon, stopBody } from "../http/abandon.ts";
import type { Answer } from "../http/answer.ts";
import { header } from "../http/answer.ts";
import { answerOfError, reportFailure, textAnswer, wrongLength } from "../http/failure.ts";
import type { ByteSink, Connection, ConnectionContext } from "./connection.ts";
import { encodeHead } from "./http1-encode.ts";
import type { Refusal } from "./http1-head.ts";
import { Http1Input } from "./http1-input.ts";
import { Http1Output } from "./http1-output.ts";
import { Http1Request } from "./http1-request.ts";
import { Http1Stream } from "./http1-stream.ts";

/** Requests that may wait, received, behind the one that is being answered. */
const MAX_WAITING_BYTES = 64 * 1024;
const NO_BYTES = new Uint8Array(0);

/**
 * One HTTP/1.0 or HTTP/1.1 connection (RFC 9112) for requests without content. Requests are answered one after the other: the next one is read
 * once the answer before it is wholly in the kernel. What is received meanwhile is kept, up to a limit.
 */
export class Http1Connection implements Connection {
  readonly #sink: ByteSink;
  readonly #context: ConnectionContext;
  readonly #output: Http1Output;
  readonly #input: Http1Input;
  /** True from the first byte of a header section that came in parts, until it is whole. */
  #hasPartial = false;
  /** The request that is being answered, its answer once that is being sent, and the source of its body. */
  #request: Http1Request | undefined;
  #answer: Answer | undefined;
  #stream: Http1Stream | undefined;
  /** True when nothing more is read: the connection ends with the answer under way. */
  #isLast = false;
  #isOver = false;
  /** Counts what happens; deadlines run from its last change. */
  #events = 0;
  #seenEvents = -1;
  #quietSinceMs = 0;

  constructor(sink: ByteSink, context: ConnectionContext) {
    this.#sink = sink;
    this.#context = context;
    this.#output = new Http1Output(sink);
    this.#input = new Http1Input(context.limits.maxHeaderBytes);
  }

  get open(): number {
    return this.#request === undefined ? 0 : 1;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isOver || this.#isLast) return;
    this.#input.add(bytes);
    this.#read();
    this.#input.own();
    // A client that sends on and on without reading is given the answer under way, and no more.
    if (this.#request !== undefined && this.#input.size > MAX_WAITING_BYTES) this.#readNoMore();
  }

  writable(): void {
    if (this.#isOver || this.#answer === undefined || !this.#output.resume()) return;
    if (this.#stream !== undefined) this.#stream.pull();
    else this.#finish();
    this.#read();
  }

  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#input.drop();
    this.#request?.leave();
    this.#request = undefined;
    this.#stream?.stop();
    this.#stream = undefined;
    const answer = this.#answer;
    this.#answer = undefined;
    this.#output.drop();
    answer?.sent?.(this.#output.bodyBytes, false);
  }

  inspect(nowMs: number): void {
    if (this.#isOver) return;
    if (this.#stream !== undefined && this.#output.isEmpty) this.#stream.sendHead();
    const events = this.#events + this.#output.progress;
    if (events !== this.#seenEvents) {
      this.#seenEvents = events;
      this.#quietSinceMs = nowMs;
      this.#answer?.progress?.(this.#output.bodyBytes);
      return;
    }
    const quietMs = nowMs - this.#quietSinceMs;
    const { stallMs, headersMs, keepAliveMs } = this.#context.limits;
    if (this.#request !== undefined) {
      // A slow handler or source is not the client's fault.
      if (!this.#output.isEmpty && quietMs >= stallMs) this.#cut();
    } else if (this.#input.size > 0) {
      if (quietMs >= headersMs) this.#refuse(408, "header section took too long");
    } else if (quietMs >= (this.#output.progress === 0 ? headersMs : keepAliveMs)) {
      this.#end();
    }
  }

  drain(): void {
    this.#readNoMore();
    if (this.#request === undefined && !this.#isOver) this.#end();
  }

  /** Answers what was received, until a request has to wait for its answer or is not yet whole. */
  #read(): void {
    while (this.#request === undefined && !this.#isOver && !this.#isLast) {
      const head = this.#input.next();
      if (head === undefined) {
        this.#noteWaiting();
        return;
      }
      if ("line" in head) this.#refuse(head.status, head.line);
      else this.#begin(new Http1Request(head, this.#sink.remoteAddress));
    }
  }

  /** The time for a header section runs from its first byte, however many parts it comes in. */
  #noteWaiting(): void {
    if (this.#hasPartial || this.#input.size === 0) return;
    this.#hasPartial = true;
    this.#events++;
  }

  #readNoMore(): void {
    this.#isLast = true;
    this.#input.drop();
  }

  #begin(request: Http1Request): void {
    this.#request = request;
    this.#hasPartial = false;
    this.#events++;
    if (!request.keepsAlive) this.#isLast = true;
    const answer = this.#context.handle(request);
    if (answer instanceof Promise) answer.then(this.#answerLater);
    else this.#send(request, answer);
  }

  readonly #answerLater = (answer: Answer): void => {
    const request = this.#request;
    if (request === undefined) {
      abandon(answer);
      return;
    }
    this.#send(request, answer);
    this.#read();
  };

  #send(request: Http1Request, answer: Answer): void {
    try {
      this.#write(request, answer);
    } catch (error) {
      abandon(answer);
      this.#write(request, answerOfError(this.#context.log, error, request));
    }
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
    if (head.closes) this.#isLast = true;
    if (isStream) stopBody(body);
    this.#answer = answer;
    this.#output.startBody();
    if (this.#output.send(head.bytes, bytes)) this.#finish();
  }

  #writeStream(request: Http1Request, answer: Answer, body: AsyncIterable<Uint8Array>): void {
    const isChunked = request.httpVersion === "1.1" && header(answer.headers, "Content-Length") === undefined;
    const hasEnd = isChunked || header(answer.headers, "Content-Length") !== undefined;
    if (!hasEnd) this.#isLast = true;
    const frame = { bodyBytes: undefined, isChunked, connection: this.#connectionField(request) };
    const head = encodeHead(answer.status, answer.headers, frame, this.#context.date());
    if (head.closes) this.#isLast = true;
    this.#answer = answer;
    this.#output.startBody();
    this.#stream = new Http1Stream(body, {
      output: this.#output,
      // A copy: slice() of a Buffer is none.
      head: new Uint8Array(head.bytes),
      declaredBytes: head.declaredBytes,
      isChunked,
      onDone: () => {
        this.#finish();
        this.#read();
      },
      onFail: (error) => {
        reportFailure(this.#context.log, error, request, "body failed midway, connection cut");
        this.#cut();
      },
    });
    this.#stream.pull();
  }

  #connectionField(request: Http1Request): "" | "close" | "keep-alive" {
    if (this.#isLast) return "close";
    return request.httpVersion === "1.0" ? "keep-alive" : "";
  }

  /** The kernel has the whole answer. */
  #finish(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#stream = undefined;
    this.#request = undefined;
    this.#events++;
    if (this.#isLast) this.#end();
    answer?.sent?.(this.#output.bodyBytes, true);
  }

  /** Answers what cannot be served and ends the connection. Only between two answers. */
  #refuse(status: Refusal["status"] | 408, line: string): void {
    this.#readNoMore();
    const answer = textAnswer(status, line);
    const frame = { bodyBytes: line.length + 1, isChunked: false, connection: "close" } as const;
    const head = encodeHead(status, answer.headers, frame, this.#context.date());
    // Small enough for an empty socket; one that does not take it is not worth waiting for.
    this.#sink.write(Buffer.concat([head.bytes, answer.body as Uint8Array]), 0);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#input.drop();
    this.#sink.end();
  }

  /** Breaks the connection, so that a short body can never pass for a whole one. */
  #cut(): void {
    this.#sink.terminate();
    this.closed();
  }
}
