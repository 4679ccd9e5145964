import type { ByteSink, Connection, ConnectionContext } from "./connection.ts";
import { Http2Budget } from "./http2-budget.ts";
import { ERROR, FRAME, frameOf, write32 } from "./http2-frames.ts";
import { STREAM_INFLOW_BYTES, wideConnectionWindow } from "./http2-inflow.ts";
import { Http2Output } from "./http2-output.ts";
import { QuietTimer } from "./http2-quiet.ts";
import { Http2Reader } from "./http2-reader.ts";
import { Http2Receiver } from "./http2-receiver.ts";
import { Http2Sender } from "./http2-sender.ts";
import { defaultSettings, serverSettings } from "./http2-settings.ts";
import { Http2Streams } from "./http2-streams.ts";

/** The server's side of one HTTP/2 connection (RFC 9113). */
export class Http2Connection implements Connection {
  readonly #sink: ByteSink;
  readonly #context: ConnectionContext;
  readonly #budget = new Http2Budget();
  readonly #output: Http2Output;
  readonly #sender: Http2Sender;
  readonly #streams: Http2Streams;
  readonly #receiver: Http2Receiver;
  readonly #reader: Http2Reader;
  readonly #stall = new QuietTimer();
  readonly #midUnit = new QuietTimer();
  readonly #idle = new QuietTimer();
  #hasGreeted = false;
  /** While reading or sending: what comes of it is sent together. */
  #isBusy = false;
  #isDraining = false;
  #isFlushLater = false;
  #isOver = false;

  constructor(sink: ByteSink, context: ConnectionContext) {
    this.#sink = sink;
    this.#context = context;
    const settings = defaultSettings();
    const budget = this.#budget;
    this.#output = new Http2Output(sink);
    this.#sender = new Http2Sender(this.#output, { budget, date: context.date, later: () => this.#later() });
    const fault = (code: number, found: string) => this.#fail(code, found);
    this.#streams = new Http2Streams({
      context,
      sender: this.#sender,
      budget,
      remoteAddress: sink.remoteAddress,
      fault,
      wake: () => this.#flush(),
    });
    this.#receiver = new Http2Receiver({
      streams: this.#streams,
      sender: this.#sender,
      settings,
      budget,
      maxStreams: context.limits.maxStreams,
      maxHeaderBytes: context.limits.maxHeaderBytes,
      takesContent: context.takesContent,
      fault,
      leave: () => this.drain(),
    });
    this.#reader = new Http2Reader(this.#receiver, context.limits.maxHeaderBytes);
  }

  get open(): number {
    return this.#streams.size;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#greet();
    this.#isBusy = true;
    this.#reader.read(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    this.#isBusy = false;
    this.#flush();
  }

  writable(): void {
    this.#flush();
  }

  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader.stop();
    this.#output.drop();
    this.#streams.finish();
  }

  inspect(nowMs: number): void {
    if (this.#isOver) return;
    this.#budget.refill(nowMs);
    const { stallMs, headersMs, keepAliveMs } = this.#context.limits;
    if (this.#stall.quietMs(this.#output.isBlocked ? this.#output.progress : undefined, nowMs) >= stallMs) {
      this.#sink.terminate();
      this.closed();
      return;
    }
    this.#streams.inspect(nowMs);
    if (this.#streams.size === 0) this.#output.relax();
    const idleMs = this.#idle.quietMs(this.#streams.size === 0 ? this.#streams.changes : undefined, nowMs);
    const allowedMs = this.#streams.changes === 0 ? headersMs : keepAliveMs;
    if (this.#midUnit.quietMs(this.#reader.isMidUnit ? this.#reader.units : undefined, nowMs) >= headersMs) {
      this.#fail(ERROR.enhanceYourCalm, "a frame or header block that took too long");
    } else if (idleMs >= allowedMs) {
      this.#end(ERROR.none);
    } else {
      this.#flush();
    }
  }

  drain(): void {
    if (this.#isOver || this.#isDraining) return;
    this.#isDraining = true;
    this.#receiver.isAccepting = false;
    this.#greet();
    this.#output.queue(this.#goAway(ERROR.none));
    this.#flush();
  }

  /** Section 3.4: SETTINGS is the first frame of a server. */
  #greet(): void {
    if (this.#hasGreeted) return;
    this.#hasGreeted = true;
    const { maxStreams, maxHeaderBytes } = this.#context.limits;
    const { takesContent } = this.#context;
    const windowBytes = takesContent ? STREAM_INFLOW_BYTES : undefined;
    this.#output.queue(serverSettings({ maxStreams, maxHeaderBytes, windowBytes }));
    if (takesContent) this.#output.queue(wideConnectionWindow());
  }

  #flush(): void {
    if (this.#isOver || this.#isBusy) return;
    this.#isBusy = true;
    this.#sender.flush();
    this.#isBusy = false;
    if (this.#output.isClosed) this.closed();
    else if (this.#sender.isExhausted) this.#fail(ERROR.enhanceYourCalm, "windows that let nothing through");
    else if (this.#isDraining && this.#streams.size === 0 && !this.#output.isBlocked) this.#close();
  }

  #later(): void {
    if (this.#isFlushLater) return;
    this.#isFlushLater = true;
    setImmediate(() => {
      this.#isFlushLater = false;
      this.#flush();
    });
  }

  /** Section 5.4.1: a connection error. What was not yet sent never will be. */
  #fail(code: number, found: string): void {
    if (this.#isOver) return;
    this.#context.log.debug({ code, found, remoteAddress: this.#sink.remoteAddress }, "HTTP/2 connection error");
    this.#end(code);
  }

  #end(code: number): void {
    this.#isOver = true;
    this.#reader.stop();
    this.#greet();
    this.#output.end(this.#goAway(code));
    this.#streams.finish();
  }

  /** After our GOAWAY and the last answer. */
  #close(): void {
    this.#isOver = true;
    this.#reader.stop();
    this.#sink.end();
    this.#output.drop();
    this.#streams.finish();
  }

  #goAway(code: number): Uint8Array {
    const payload = new Uint8Array(8);
    write32(code, payload, write32(this.#receiver.lastId, payload, 0));
    return frameOf(FRAME.goAway, 0, 0, payload);
  }
}
