import { HEAD_EXTRA_BYTES, writeHead, writeTrailers } from "./hpack-encoder.ts";
import { COST, type Http2Budget, SMALL_WINDOW_BYTES } from "./http2-budget.ts";
import {
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_FRAME_BYTES,
  writeFrameHeader,
} from "./http2-frames.ts";
import type { Gathering, Http2Output } from "./http2-output.ts";
import { Http2Queue } from "./http2-queue.ts";
import type { Http2Stream, StreamHead } from "./http2-stream.ts";

/** A connection that takes more than this at once lets others have their turn. */
const MAX_TURN_BYTES = 1024 * 1024;

/** What a sender works with. */
export interface SenderOptions {
  budget: Http2Budget;
  /** The current value of the Date field. */
  date: () => string;
  /** Asks for `flush` to be called again soon, after others had their turn. */
  later: () => void;
}

/**
 * Makes frames of the streams' answers, one of each stream in turn, within both flow-control windows (RFC 9113 section 5.2). Frames have the size
 * that every peer takes: larger ones would save little, and make other streams wait.
 */
export class Http2Sender {
  readonly output: Http2Output;
  readonly #budget: Http2Budget;
  readonly #date: () => string;
  readonly #later: () => void;
  /** Streams with something to send, in their turn. */
  readonly #ready = new Http2Queue<Http2Stream>();
  /** Streams that only the connection's window holds back. */
  readonly #held = new Http2Queue<Http2Stream>();
  #isFirstHead = true;
  /** What the client still allows to be sent on all streams together. */
  #window = INITIAL_WINDOW_BYTES;
  /** True once the client's windows were so small for so long that its budget is used up. */
  isExhausted = false;

  constructor(output: Http2Output, options: SenderOptions) {
    this.output = output;
    this.#budget = options.budget;
    this.#date = options.date;
    this.#later = options.later;
  }

  /** What the client allows to be sent on all streams together. */
  get window(): number {
    return this.#window;
  }

  /** A stream has something to send, or is allowed to. */
  add(stream: Http2Stream): void {
    this.#ready.push(stream);
  }

  /** The client allows more bytes on all streams together. */
  open(bytes: number): void {
    this.#window += bytes;
    this.#ready.takeAll(this.#held);
  }

  /** Sends what can be sent now. */
  flush(): void {
    if (!this.output.resume()) return;
    let turnBytes = 0;
    while (!this.output.isClosed && !this.isExhausted) {
      const gathering = this.output.gather();
      this.#fill(gathering);
      if (gathering.at === 0) return;
      turnBytes += gathering.at;
      if (!this.output.send(gathering.at)) return;
      if (turnBytes < MAX_TURN_BYTES) continue;
      this.#later();
      return;
    }
  }

  #fill(gathering: Gathering): void {
    for (;;) {
      const stream = this.#ready.shift();
      if (stream === undefined) return;
      if (stream.isOver || stream.isEndFramed) continue;
      if (!this.#hasRoom(stream, gathering)) {
        this.#ready.unshift(stream);
        return;
      }
      if (stream.interims !== undefined) this.#writeInterims(stream, gathering);
      if (stream.head !== undefined) this.#writeHead(stream, gathering);
      if (stream.leftBytes > 0) this.#writeData(stream, gathering);
      else if (stream.isEnding) this.#writeEnd(stream, gathering);
    }
  }

  /** Before anything else of the answer. They are few and short: a burst has room for all of them. */
  #writeInterims(stream: Http2Stream, gathering: Gathering): void {
    for (const { status, fields } of stream.interims ?? []) {
      gathering.at = this.#writeBlock(stream.id, { status, fields, addedBytes: undefined }, 0, gathering);
    }
    stream.interims = undefined;
  }

  /** An empty burst has room for anything; a fuller one is not filled up with parts of frames. */
  #hasRoom(stream: Http2Stream, { at, limit, into }: Gathering): boolean {
    const head =
      (stream.head === undefined ? 0 : stream.head.fields.block.length + HEAD_EXTRA_BYTES + FRAME_HEADER_BYTES) +
      (stream.trailers === undefined ? 0 : stream.trailers.block.length + FRAME_HEADER_BYTES);
    if (at === 0) return true;
    if (stream.interims !== undefined) return false;
    // Control frames may stand before it, but never so many that the largest head and a frame do not fit.
    const needed = at + head + FRAME_HEADER_BYTES + Math.min(stream.leftBytes, MAX_FRAME_BYTES);
    return needed <= limit || (at < limit / 4 && needed <= into.length);
  }

  #writeHead(stream: Http2Stream, gathering: Gathering): void {
    const { head } = stream;
    if (head === undefined) return;
    stream.head = undefined;
    const isEnd = stream.isEnding && stream.leftBytes === 0 && stream.trailers === undefined;
    gathering.at = this.#writeBlock(stream.id, head, isEnd ? FLAG.endStream : 0, gathering);
    if (!isEnd) return;
    stream.isEndFramed = true;
    this.output.note(stream, gathering.at, gathering.at, true);
  }

  /** RFC 9113 section 6.2: a block larger than a frame goes on in CONTINUATION frames. The position after them. */
  #writeBlock(streamId: number, head: StreamHead, endFlag: number, { into, at }: Gathering): number {
    const rest = { status: head.status, addedBytes: head.addedBytes, date: this.#date(), isFirst: this.#isFirstHead };
    const end = writeHead(head.fields, rest, into, at + FRAME_HEADER_BYTES);
    this.#isFirstHead = false;
    return frameBlock(streamId, endFlag, into, at, end);
  }

  #writeData(stream: Http2Stream, gathering: Gathering): void {
    const left = stream.leftBytes;
    const allowed = Math.min(stream.window, this.#window);
    if (allowed <= 0) {
      // A stream whose own window is closed comes back when that is opened.
      if (stream.window > 0) this.#held.push(stream);
      return;
    }
    const bytes = Math.min(left, allowed, MAX_FRAME_BYTES);
    if (bytes < left && bytes < SMALL_WINDOW_BYTES && !this.#budget.spend(COST.smallWindow)) {
      this.isExhausted = true;
      return;
    }
    const isLast = bytes === left && stream.isEnding && stream.trailers === undefined;
    const start = writeFrameHeader(
      bytes,
      FRAME.data,
      isLast ? FLAG.endStream : 0,
      stream.id,
      gathering.into,
      gathering.at,
    );
    stream.copyInto(gathering.into, start, bytes);
    stream.window -= bytes;
    this.#window -= bytes;
    stream.isEndFramed = isLast;
    gathering.at = start + bytes;
    this.output.note(stream, start, gathering.at, isLast);
    if (bytes < left || (stream.isEnding && !isLast)) this.#ready.push(stream);
  }

  /** The source has ended after its last block: an empty frame says so, and counts in no window; or trailers do. */
  #writeEnd(stream: Http2Stream, gathering: Gathering): void {
    const { into, at } = gathering;
    const { trailers } = stream;
    if (trailers === undefined) {
      gathering.at = writeFrameHeader(0, FRAME.data, FLAG.endStream, stream.id, into, at);
    } else {
      const end = writeTrailers(trailers, this.#isFirstHead, into, at + FRAME_HEADER_BYTES);
      gathering.at = frameBlock(stream.id, FLAG.endStream, into, at, end);
    }
    stream.isEndFramed = true;
    this.output.note(stream, gathering.at, gathering.at, true);
  }
}

/** Puts the header of one frame before a block that stands after it, or cuts the block into frames; the position after them. */
function frameBlock(streamId: number, endFlag: number, into: Uint8Array, at: number, end: number): number {
  const size = end - at - FRAME_HEADER_BYTES;
  if (size > MAX_FRAME_BYTES) return splitHead(streamId, endFlag, into, at, end);
  writeFrameHeader(size, FRAME.headers, endFlag | FLAG.endHeaders, streamId, into, at);
  return end;
}

/** Cuts a block that stands after `at` + a frame header, up to `end`, into frames; the position after them. */
function splitHead(streamId: number, endFlag: number, into: Uint8Array, at: number, end: number): number {
  // A copy, which slice() of a Buffer is not: the frames are written where it stands.
  const block = new Uint8Array(into.subarray(at + FRAME_HEADER_BYTES, end));
  let position = at;
  for (let from = 0; from < block.length; from += MAX_FRAME_BYTES) {
    const part = block.subarray(from, from + MAX_FRAME_BYTES);
    const endHeaders = from + part.length === block.length ? FLAG.endHeaders : 0;
    const flags = from === 0 ? endFlag | endHeaders : endHeaders;
    const type = from === 0 ? FRAME.headers : FRAME.continuation;
    position = writeFrameHeader(part.length, type, flags, streamId, into, position);
    into.set(part, position);
    position += part.length;
  }
  return position;
}
