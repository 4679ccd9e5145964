import type { Headers } from "../http/answer.ts";
import { COST, type Http2Budget, SMALL_WINDOW_BYTES } from "./http2-budget.ts";
import type { Http2Content } from "./http2-content.ts";
import { ERROR, FLAG, FRAME, frameOf, INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES, read31 } from "./http2-frames.ts";
import { Http2Heads } from "./http2-heads.ts";
import type { FrameListener } from "./http2-reader.ts";
import type { Http2Sender } from "./http2-sender.ts";
import { applySettings, type PeerSettings, SETTINGS_ACK } from "./http2-settings.ts";
import type { Http2Streams } from "./http2-streams.ts";

const CONTENT_REFUSED = "requests with content are not taken here";

/** What a receiver works with. */
export interface ReceiverOptions {
  streams: Http2Streams;
  sender: Http2Sender;
  settings: PeerSettings;
  budget: Http2Budget;
  /** Open streams of the connection. */
  maxStreams: number;
  maxHeaderBytes: number;
  /** False when requests with content are refused. */
  takesContent: boolean;
  /** A connection error. */
  fault: (code: number, found: string) => void;
  /** The client will ask for nothing more. */
  leave: () => void;
}

/** What a client's frames mean (RFC 9113 sections 5, 6 and 8), and what they cost it. */
export class Http2Receiver implements FrameListener {
  readonly #options: ReceiverOptions;
  readonly #heads: Http2Heads;
  #lastId = 0;
  #contentBytes = 0;
  /** False from GOAWAY on: later requests are not looked at, so that their client may send them elsewhere. */
  isAccepting = true;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#heads = new Http2Heads(options.maxHeaderBytes);
  }

  /** The latest stream that was looked at; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  headers(streamId: number, isEnd: boolean, bytes: Buffer, start: number, end: number): void {
    const { streams, settings, maxStreams } = this.#options;
    if (streamId <= this.#lastId) {
      this.#trailers(streamId, isEnd, this.#heads.readTrailers(bytes, start, end));
      return;
    }
    const head = this.#heads.read(bytes, start, end);
    if (head === "broken") {
      this.fault(ERROR.compression, "a header block that cannot be decoded");
      return;
    }
    if (!this.isAccepting) return;
    this.#lastId = streamId;
    // Section 5.1.2: a client that does not yet know the bound may ask again.
    if (streams.size >= maxStreams) this.#punish(streamId, ERROR.refusedStream);
    // Section 8.1.1: with END_STREAM there are fewer bytes than a Content-Length above 0 says.
    else if (head === "malformed" || ("fields" in head && isEnd && (head.contentBytes ?? 0) > 0)) {
      this.#punish(streamId, ERROR.protocol);
    } else if ("line" in head) {
      streams.refuse(streams.add(streamId, undefined, settings.initialWindowBytes, !isEnd), head.status, head.line);
    } else {
      const stream = streams.add(streamId, head, settings.initialWindowBytes, !isEnd);
      if (isEnd || stream.content !== undefined) streams.handle(stream);
      else if ((head.contentBytes ?? 0) > 0) streams.refuse(stream, 413, CONTENT_REFUSED);
    }
  }

  data(streamId: number, isEnd: boolean, payloadBytes: number, bytes: Buffer, start: number, end: number): void {
    if (this.#isIdle(streamId) || !this.#countInflow(payloadBytes)) return;
    const { streams } = this.#options;
    const stream = streams.get(streamId);
    if (stream === undefined || !stream.isRemoteOpen) {
      if (this.#options.takesContent) streams.inflow.give(payloadBytes);
      if (stream === undefined && streams.closed.wasReset(streamId)) this.#spend(COST.empty);
      else this.#punish(streamId, ERROR.streamClosed);
      return;
    }
    if (start === end && !this.#spend(COST.empty)) return;
    if (isEnd) stream.isRemoteOpen = false;
    if (stream.content !== undefined) this.#content(stream.content, streamId, isEnd, payloadBytes, bytes, start, end);
    else if (this.#options.takesContent) streams.inflow.give(payloadBytes);
    else if (stream.isAnswered) return;
    else if (start < end) streams.refuse(stream, 413, CONTENT_REFUSED);
    else if (isEnd) streams.handle(stream);
  }

  frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    switch (type) {
      case FRAME.settings:
        this.#settings(flags, payload);
        return;
      case FRAME.ping:
        if (this.#spend(COST.ping) && (flags & FLAG.ack) === 0) this.#send(frameOf(FRAME.ping, FLAG.ack, 0, payload));
        return;
      case FRAME.windowUpdate:
        this.#windowUpdate(streamId, read31(payload, 0));
        return;
      case FRAME.resetStream:
        this.#resetStream(streamId);
        return;
      case FRAME.goAway:
        this.#options.leave();
        return;
      case FRAME.priority:
        // Section 6.3: an error of the stream only, but an idle one cannot be reset.
        if (payload.length === 5) this.#spend(COST.empty);
        else if (streamId > this.#lastId) this.fault(ERROR.frameSize, "a PRIORITY frame of a wrong length");
        else this.#punish(streamId, ERROR.frameSize);
        return;
      default:
        // Section 4.1: unknown frames are ignored.
        this.#spend(COST.empty);
    }
  }

  fault(code: number, found: string): void {
    this.#options.fault(code, found);
  }

  /** Where content is refused, no more is ever allowed than at first; the connection's window is no larger than any stream's then. */
  #countInflow(payloadBytes: number): boolean {
    this.#contentBytes += payloadBytes;
    const { takesContent, streams } = this.#options;
    if (takesContent ? streams.inflow.receive(payloadBytes) : this.#contentBytes <= INITIAL_WINDOW_BYTES) return true;
    this.fault(ERROR.flowControl, "more bytes of content than a window allows");
    return false;
  }

  #content(
    content: Http2Content,
    streamId: number,
    isEnd: boolean,
    payloadBytes: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (!content.push(payloadBytes, bytes, start, end)) this.#punish(streamId, ERROR.flowControl);
    else if (content.isMismatched(isEnd)) this.#punish(streamId, ERROR.protocol);
    else if (isEnd) content.end();
  }

  /** Section 8.1: trailers end the request, or they are malformed. */
  #trailers(streamId: number, isEnd: boolean, block: Headers | "malformed" | "broken"): void {
    const { streams } = this.#options;
    const stream = streams.get(streamId);
    if (block === "broken") {
      this.fault(ERROR.compression, "a header block that cannot be decoded");
    } else if (stream === undefined) {
      if (streams.closed.wasReset(streamId)) this.#spend(COST.empty);
      else if (streams.closed.has(streamId)) this.fault(ERROR.streamClosed, "HEADERS on a closed stream");
      // Section 5.1.1: ids only grow.
      else this.fault(ERROR.protocol, "HEADERS with a stream id below an earlier one");
    } else if (!stream.isRemoteOpen) {
      this.#punish(streamId, ERROR.streamClosed);
    } else if (!isEnd || block === "malformed") {
      this.#punish(streamId, ERROR.protocol);
    } else {
      stream.isRemoteOpen = false;
      const { content } = stream;
      if (content === undefined) {
        if (!stream.isAnswered) streams.handle(stream);
      } else if (content.isMismatched(true)) {
        this.#punish(streamId, ERROR.protocol);
      } else {
        content.end(block);
      }
    }
  }

  #settings(flags: number, payload: Buffer): void {
    const isAck = (flags & FLAG.ack) !== 0;
    if (!this.#spend(isAck ? COST.empty : COST.settings) || isAck) return;
    const { settings, streams } = this.#options;
    const before = settings.initialWindowBytes;
    const code = applySettings(settings, payload);
    const change = settings.initialWindowBytes - before;
    if (code !== undefined) this.fault(code, "a setting with a value that is not allowed");
    else if (change !== 0 && !streams.changeWindows(change)) this.#tooLargeWindow();
    else this.#send(SETTINGS_ACK);
  }

  /** Section 6.9. */
  #windowUpdate(streamId: number, increment: number): void {
    if (increment < SMALL_WINDOW_BYTES && !this.#spend(COST.smallWindow)) return;
    const { sender, streams } = this.#options;
    if (streamId === 0) {
      if (increment === 0) this.fault(ERROR.protocol, "a window update of 0 bytes");
      else if (sender.window + increment > MAX_WINDOW_BYTES) this.#tooLargeWindow();
      else sender.open(increment);
      return;
    }
    if (this.#isIdle(streamId)) return;
    const stream = streams.get(streamId);
    // It was under way when the answer ended.
    if (stream === undefined) return;
    if (increment === 0) {
      this.#punish(streamId, ERROR.protocol);
    } else if (stream.window + increment > MAX_WINDOW_BYTES) {
      this.#punish(streamId, ERROR.flowControl);
    } else {
      stream.window += increment;
      if (stream.leftBytes > 0) sender.add(stream);
    }
  }

  #resetStream(streamId: number): void {
    if (this.#isIdle(streamId)) return;
    const { streams } = this.#options;
    const stream = streams.get(streamId);
    if (this.#spend(stream === undefined ? COST.empty : COST.reset) && stream !== undefined) streams.leave(stream);
  }

  /** Section 5.1: on an idle stream nothing but HEADERS and PRIORITY may come. Of those after our GOAWAY nothing is known, nor wanted. */
  #isIdle(streamId: number): boolean {
    if (streamId <= this.#lastId) return false;
    if (this.isAccepting) this.fault(ERROR.protocol, `a frame on stream ${streamId}, which is idle`);
    return true;
  }

  #tooLargeWindow(): void {
    this.fault(ERROR.flowControl, `a window larger than ${MAX_WINDOW_BYTES} bytes`);
  }

  /** A stream error that the client has made: it costs, as a reset of its own does. */
  #punish(streamId: number, code: number): void {
    if (this.#spend(COST.reset)) this.#options.streams.reset(streamId, code);
  }

  #send(frame: Uint8Array): void {
    if (this.#options.sender.output.queue(frame)) return;
    this.fault(ERROR.enhanceYourCalm, "a client that makes answers necessary and does not read them");
  }

  /** False when the budget is used up; the connection is over then. */
  #spend(cost: number): boolean {
    if (this.#options.budget.spend(cost)) return true;
    this.fault(ERROR.enhanceYourCalm, "far more frames than requests");
    return false;
  }
}
