import { ERROR, FLAG, FRAME, FRAME_HEADER_BYTES, headerFault, MAX_FRAME_BYTES, read31 } from "./http2-frames.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Frames that one header block may come in: more are meant to make work (RFC 9113 section 10.5.1). */
const MAX_FRAGMENTS = 32;

/** Told of what a client sends; bytes are valid during the call alone. */
export interface FrameListener {
  /** A whole header block: bytes start..end. */
  headers(streamId: number, isEnd: boolean, bytes: Buffer, start: number, end: number): void;
  /** `payloadBytes` count in flow control; bytes start..end are left without padding. */
  data(streamId: number, isEnd: boolean, payloadBytes: number, bytes: Buffer, start: number, end: number): void;
  /** Any other frame, its header without fault. */
  frame(type: number, flags: number, streamId: number, payload: Buffer): void;
  /** A connection error; nothing more is read. */
  fault(code: number, found: string): void;
}

/** Cuts what a client sends into frames and header blocks (RFC 9113 sections 3.4, 4 and 6.10). */
export class Http2Reader {
  readonly #listener: FrameListener;
  readonly #maxBlockBytes: number;
  #hasPreface = false;
  #hasSettings = false;
  #isStopped = false;
  /** The beginning of a frame, or of the preface. */
  #partial: Buffer | undefined;
  /** The stream whose header block is not yet whole; 0 when none. */
  #blockStream = 0;
  #isBlockEnd = false;
  #fragments: Buffer[] = [];
  #blockBytes = 0;
  #units = 0;

  constructor(listener: FrameListener, maxHeaderBytes: number) {
    this.#listener = listener;
    this.#maxBlockBytes = maxHeaderBytes + MAX_FRAME_BYTES;
  }

  /** Counts whole frames and header blocks. */
  get units(): number {
    return this.#units;
  }

  /** True between the first and the last byte of a frame or header block. */
  get isMidUnit(): boolean {
    return this.#partial !== undefined || this.#blockStream !== 0;
  }

  /** Reads no further; what was kept is dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = undefined;
    this.#fragments = [];
  }

  /** Reads on. */
  read(received: Buffer): void {
    if (this.#isStopped || received.length === 0) return;
    const bytes = this.#partial === undefined ? received : Buffer.concat([this.#partial, received]);
    this.#partial = undefined;
    let at = 0;
    if (!this.#hasPreface) {
      at = this.#readPreface(bytes);
      if (at === 0) return;
    }
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const payloadBytes = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      const streamId = read31(bytes, at + 5);
      const code = this.#faultOf(payloadBytes, type, flags, streamId);
      if (code !== undefined) {
        this.#fail(code, `frame of type ${type} with ${payloadBytes} bytes on stream ${streamId}`);
        return;
      }
      const end = at + FRAME_HEADER_BYTES + payloadBytes;
      if (end > bytes.length) break;
      this.#readFrame(type, flags, streamId, bytes, at + FRAME_HEADER_BYTES, end);
      if (this.#isStopped) return;
      if (this.#blockStream === 0) this.#units++;
      at = end;
    }
    if (at < bytes.length) this.#partial = Buffer.from(bytes.subarray(at));
  }

  /** The position after the preface; 0 when it is not whole, or is none. */
  #readPreface(bytes: Buffer): number {
    const known = Math.min(bytes.length, PREFACE.length);
    if (bytes.compare(PREFACE, 0, known, 0, known) !== 0) {
      this.#fail(ERROR.protocol, "no connection preface");
      return 0;
    }
    if (known < PREFACE.length) {
      this.#partial = Buffer.from(bytes);
      return 0;
    }
    this.#hasPreface = true;
    return known;
  }

  #faultOf(payloadBytes: number, type: number, flags: number, streamId: number): number | undefined {
    // Section 6.10: nothing may come between the frames of a block.
    if (this.#blockStream !== 0 && (type !== FRAME.continuation || streamId !== this.#blockStream)) {
      return ERROR.protocol;
    }
    if (this.#blockStream === 0 && type === FRAME.continuation) return ERROR.protocol;
    if (!this.#hasSettings) {
      // Section 3.4: the preface includes a SETTINGS frame.
      if (type !== FRAME.settings || (flags & FLAG.ack) !== 0) return ERROR.protocol;
    }
    return headerFault(payloadBytes, type, flags, streamId);
  }

  #readFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case FRAME.headers:
        this.#readHeaders(flags, streamId, bytes, start, end);
        return;
      case FRAME.continuation:
        this.#addFragment(flags, bytes, start, end);
        return;
      case FRAME.data: {
        const padding = paddingOf(flags, bytes, start, end);
        const contentStart = start + ((flags & FLAG.padded) === 0 ? 0 : 1);
        if (padding < 0) this.#fail(ERROR.protocol, "more padding than payload");
        else {
          const isEnd = (flags & FLAG.endStream) !== 0;
          const contentEnd = contentStart + (end - start - padding);
          this.#listener.data(streamId, isEnd, end - start, bytes, contentStart, contentEnd);
        }
        return;
      }
      case FRAME.settings:
        this.#hasSettings = true;
        this.#listener.frame(type, flags, streamId, bytes.subarray(start, end));
        return;
      default:
        this.#listener.frame(type, flags, streamId, bytes.subarray(start, end));
    }
  }

  #readHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const padding = paddingOf(flags, bytes, start, end);
    const isPadded = (flags & FLAG.padded) !== 0;
    const blockStart = start + (isPadded ? 1 : 0) + ((flags & FLAG.priority) !== 0 ? 5 : 0);
    const blockEnd = end - (isPadded ? padding - 1 : 0);
    if (padding < 0 || blockStart > blockEnd) {
      this.#fail(ERROR.protocol, "more padding than payload");
      return;
    }
    const isEnd = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      this.#listener.headers(streamId, isEnd, bytes, blockStart, blockEnd);
      return;
    }
    this.#blockStream = streamId;
    this.#isBlockEnd = isEnd;
    this.#addFragment(flags, bytes, blockStart, blockEnd);
  }

  #addFragment(flags: number, bytes: Buffer, start: number, end: number): void {
    this.#fragments.push(Buffer.from(bytes.subarray(start, end)));
    this.#blockBytes += end - start;
    if (this.#blockBytes > this.#maxBlockBytes || this.#fragments.length > MAX_FRAGMENTS) {
      this.#fail(
        ERROR.enhanceYourCalm,
        `header block of more than ${this.#maxBlockBytes} bytes or ${MAX_FRAGMENTS} frames`,
      );
      return;
    }
    if ((flags & FLAG.endHeaders) === 0) return;
    const block = Buffer.concat(this.#fragments);
    const streamId = this.#blockStream;
    this.#blockStream = 0;
    this.#fragments = [];
    this.#blockBytes = 0;
    this.#listener.headers(streamId, this.#isBlockEnd, block, 0, block.length);
  }

  #fail(code: number, found: string): void {
    this.stop();
    this.#listener.fault(code, found);
  }
}

/** Bytes of padding with its length field; -1 when there is more than payload (RFC 9113 section 6.1). */
function paddingOf(flags: number, bytes: Buffer, start: number, end: number): number {
  if ((flags & FLAG.padded) === 0) return 0;
  const padding = start < end ? (bytes[start] as number) + 1 : Number.POSITIVE_INFINITY;
  return padding > end - start ? -1 : padding;
}
