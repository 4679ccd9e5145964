import { abandon } from "../http/abandon.ts";
import type { Answer, Headers } from "../http/answer.ts";
import { textAnswer } from "../http/failure.ts";
import type { ByteSink, Connection, ConnectionContext } from "./connection.ts";
import { Http1Content } from "./http1-content.ts";
import type { Refusal, RequestHead } from "./http1-head.ts";
import { Http1Input } from "./http1-input.ts";
import { Http1Request } from "./http1-request.ts";
import { Http1Sender, type SenderEvents } from "./http1-sender.ts";
import type { Informer, ReceivedRequest } from "./received-request.ts";

/** Requests that may wait, received, behind the one that is being answered. */
const MAX_WAITING_BYTES = 64 * 1024;
const CONTENT_REFUSED = "requests with content are not taken here";

/**
 * One HTTP/1.0 or HTTP/1.1 connection (RFC 9112). Requests are answered one after the other: the next one is read once the answer before it is
 * wholly in the kernel and its request's content is read or thrown away. What is received meanwhile is kept, up to a limit.
 */
export class Http1Connection implements Connection, SenderEvents, Informer {
  readonly #sink: ByteSink;
  readonly #context: ConnectionContext;
  readonly #sender: Http1Sender;
  readonly #input: Http1Input;
  /** True from the first byte of a header section that came in parts, until it is whole. */
  #hasPartial = false;
  /** The request that is being answered. */
  #request: Http1Request | undefined;
  /** Its content, until that is whole, also after the answer; that of a request that offers a tunnel, until it is answered. */
  #content: Http1Content | undefined;
  #isTunnel = false;
  #isOver = false;
  /** Counts what happens; deadlines run from its last change. */
  #events = 0;
  #seenEvents = -1;
  #quietSinceMs = 0;

  constructor(sink: ByteSink, context: ConnectionContext) {
    this.#sink = sink;
    this.#context = context;
    this.#sender = new Http1Sender(sink, context, this);
    this.#input = new Http1Input(context.limits.maxHeaderBytes);
  }

  get open(): number {
    return this.#request === undefined ? 0 : 1;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isOver || (this.#sender.isLast && this.#content === undefined)) return;
    this.#input.add(bytes);
    this.#read();
    this.#input.own();
    if (this.#request === undefined || this.#input.size <= MAX_WAITING_BYTES) return;
    // A client that sends on and on without reading is given the answer under way, and no more.
    if (!this.#context.takesContent) this.#readNoMore();
    else if (!this.#isOver) this.#sink.pause();
  }

  writable(): void {
    if (this.#isOver) return;
    this.#sender.writable();
    this.#read();
  }

  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#input.drop();
    this.#request?.leave();
    this.#request = undefined;
    this.#content?.close();
    this.#sender.close();
  }

  inspect(nowMs: number): void {
    if (this.#isOver) return;
    this.#sender.sendHead();
    const { stallMs, headersMs, keepAliveMs, contentMs, tunnelMs } = this.#context.limits;
    if (this.#content?.isTooSlow(nowMs, contentMs) === true) {
      this.#giveUpContent(this.#content);
      return;
    }
    const events = this.#events + this.#sender.progress;
    if (events !== this.#seenEvents) {
      this.#seenEvents = events;
      this.#quietSinceMs = nowMs;
      this.#sender.report();
      return;
    }
    const quietMs = nowMs - this.#quietSinceMs;
    if (this.#request !== undefined) {
      // A slow handler or source is not the client's fault.
      if (this.#sender.isBlocked ? quietMs >= stallMs : this.#isTunnel && quietMs >= tunnelMs) this.broken(false);
    } else if (this.#content !== undefined) {
      // It is thrown away, and has a deadline of its own.
    } else if (this.#input.size > 0) {
      if (quietMs >= headersMs) this.#refuse(408, "header section took too long");
    } else if (quietMs >= (this.#sender.progress === 0 ? headersMs : keepAliveMs)) {
      this.#end();
    }
  }

  drain(): void {
    this.#readNoMore();
    if (this.#request === undefined && !this.#isOver) this.#end();
  }

  inform(request: ReceivedRequest, status: number, headers: Headers): void {
    if (this.#request === request && request.httpVersion !== "1.0") this.#sender.inform(status, headers);
  }

  finished(): void {
    this.#request = undefined;
    this.#events++;
    if (this.#sender.isLast) this.#end();
    else if (this.#content !== undefined) this.#content.drain();
  }

  readOn(): void {
    this.#read();
  }

  /** Ends the connection amid an answer. Unless its length was told, only a cut is sure to be seen: some clients take an end for the last chunk. */
  broken(isLengthTold: boolean): void {
    // A cut may cost the client what it has not read yet.
    if (isLengthTold && !this.#sender.isBlocked) this.#sink.end();
    else this.#sink.terminate();
    this.closed();
  }

  /** Answers what was received, until a request has to wait for its answer or is not yet whole. */
  #read(): void {
    while (!this.#isOver) {
      if (this.#content !== undefined) {
        if (!this.#readContent(this.#content)) return;
        continue;
      }
      if (this.#request !== undefined || this.#sender.isLast) return;
      if (this.#context.takesContent) this.#sink.resume();
      const head = this.#input.next();
      if (head === undefined) {
        this.#noteWaiting();
        return;
      }
      if ("line" in head) this.#refuse(head.status, head.line);
      else if (head.content !== 0 && !this.#context.takesContent) this.#refuse(413, CONTENT_REFUSED);
      else this.#begin(head);
    }
  }

  /** True when the content was read to its end and something else may follow. */
  #readContent(content: Http1Content): boolean {
    // Whether what comes now belongs to a tunnel is not known before the answer.
    if (this.#request?.offersUpgrade === true && !this.#isTunnel) return false;
    if (this.#input.size > 0) {
      if (this.#isTunnel) this.#events++;
      this.#input.readBy(content.read);
    }
    if (content.fault !== undefined) {
      this.#readNoMore();
      if (this.#request === undefined) this.#end();
      return false;
    }
    if (content.isWhole) {
      this.#content = undefined;
      return true;
    }
    if (content.isDrainedOut) this.#giveUpDraining();
    return false;
  }

  /** The time for a header section runs from its first byte, however many parts it comes in. */
  #noteWaiting(): void {
    if (this.#hasPartial || this.#input.size === 0) return;
    this.#hasPartial = true;
    this.#events++;
  }

  #readNoMore(): void {
    this.#sender.isLast = true;
    if (this.#content === undefined || this.#content.fault !== undefined) this.#input.drop();
  }

  #begin(head: RequestHead): void {
    let content: Http1Content | undefined;
    if (head.content !== 0 || (head.offersUpgrade && this.#context.takesContent)) {
      content = this.#openContent(head);
      if (content === undefined) return;
    }
    const request = new Http1Request(head, this.#sink.remoteAddress, content?.received, this);
    this.#request = request;
    this.#hasPartial = false;
    this.#events++;
    if (!request.keepsAlive) this.#sender.isLast = true;
    const answer = this.#context.handle(request);
    if (answer instanceof Promise) answer.then((late) => this.#answerLater(request, late));
    else this.#send(request, answer);
  }

  /** The content of a request, with what of it is here already; undefined when that is wrong, and refused. */
  #openContent(head: RequestHead): Http1Content | undefined {
    const content = new Http1Content(head, {
      sink: this.#sink,
      maxTrailerBytes: this.#context.limits.maxHeaderBytes,
      goOn: () => this.#sender.inform(100, []),
    });
    this.#content = content;
    if (head.offersUpgrade) return content;
    if (this.#input.size > 0) this.#input.readBy(content.read);
    if (content.isWhole) this.#content = undefined;
    if (content.fault === undefined) return content;
    this.#refuse(400, `bad request: ${content.fault}`);
    return undefined;
  }

  #answerLater(request: Http1Request, answer: Answer): void {
    if (this.#request !== request) {
      abandon(answer);
      return;
    }
    this.#send(request, answer);
    this.#read();
  }

  #send(request: Http1Request, answer: Answer): void {
    const content = this.#content;
    if (answer.status === 101) {
      this.#switch(request, answer, content);
      return;
    }
    if (content !== undefined) this.#settleContent(request, answer, content);
    this.#sender.start(request, answer);
  }

  /** RFC 9110 section 15.2.2: only to who has offered it. */
  #switch(request: Http1Request, answer: Answer, content: Http1Content | undefined): void {
    if (content === undefined || !request.offersUpgrade) {
      abandon(answer);
      this.#send(request, textAnswer(501, "the protocol cannot be changed here"));
      return;
    }
    content.openTunnel();
    this.#isTunnel = true;
    this.#sender.startTunnel(request, answer);
    this.#read();
  }

  /** RFC 9112 section 9.3: what is left of the content is read away, or the connection ends with the answer. */
  #settleContent(request: Http1Request, answer: Answer, content: Http1Content): void {
    if (request.offersUpgrade) {
      content.received.end();
      this.#content = undefined;
      return;
    }
    if (!content.mayDrain) this.#sender.isLast = true;
    // A body that is still to be made may be made of the content.
    else if (!content.received.isOpened && (answer.body === null || answer.body instanceof Uint8Array)) content.drain();
  }

  /** What is thrown away is too much: the answer under way is the last. */
  #giveUpDraining(): void {
    this.#sender.isLast = true;
    if (this.#request === undefined) this.#end();
    else this.#sink.pause();
  }

  #giveUpContent(content: Http1Content): void {
    const request = this.#request;
    content.received.fail("request-too-slow", "the client's request content took too long");
    this.#sender.isLast = true;
    if (request === undefined) {
      this.#end();
    } else if (!this.#sender.hasBegun) {
      request.leave();
      this.#request = undefined;
      this.#refuse(408, "request content took too long");
    }
  }

  /** Answers what cannot be served and ends the connection. Only between two answers. */
  #refuse(status: Refusal["status"] | 408 | 413, line: string): void {
    this.#readNoMore();
    this.#sender.refuse(status, line);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#input.drop();
    this.#content?.close();
    this.#sink.end();
  }
}
