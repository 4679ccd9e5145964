import { NesonError } from "../error.ts";
import { stopBody } from "../http/abandon.ts";
import type { Answer, Headers } from "../http/answer.ts";
import { wrongLength } from "../http/failure.ts";
import { type EncodedFields, encodeFields } from "./hpack-encoder.ts";
import type { Http2Content } from "./http2-content.ts";
import type { ContentOwner } from "./http2-output.ts";
import type { Queued } from "./http2-queue.ts";
import { QuietTimer } from "./http2-quiet.ts";
import type { Http2Request } from "./http2-request.ts";
import { Http2Source, type SourceReader } from "./http2-source.ts";
import { trailerFields } from "./trailer-fields.ts";

/** Interim answers of one request that may wait for its client, and the size of one. */
const MAX_INTERIMS = 8;
const MAX_INTERIM_BYTES = 2048;
/** Longer trailer sections are left out: nobody needs them to read the body. */
const MAX_TRAILER_BYTES = 8192;

const NOTHING = new Uint8Array(0);
const copyBytes = Buffer.prototype.copy;

/** What a stream tells its connection. */
export interface StreamEvents {
  /** There is something to send. */
  ready(stream: Http2Stream): void;
  /** The kernel has the whole answer. */
  done(stream: Http2Stream): void;
  /** What the client waits for, so that it sends on. */
  informed(stream: Http2Stream): void;
  /** The source of the body failed, or does not fit its Content-Length. */
  failed(stream: Http2Stream, error: unknown): void;
}

/** What a stream begins with. */
export interface OpenedStream {
  request: Http2Request | undefined;
  content: Http2Content | undefined;
  isRemoteOpen: boolean;
}

/** A response head that is not yet sent. */
export interface StreamHead {
  status: number;
  fields: EncodedFields;
  /** A Content-Length to be added. */
  addedBytes: number | undefined;
}

/** One request and its answer (RFC 9113 section 5). A block of the body is asked for once the one before is in frames whole. */
export class Http2Stream implements ContentOwner, SourceReader, Queued<Http2Stream> {
  readonly id: number;
  /** Undefined when it was refused before it was a request. */
  readonly request: Http2Request | undefined;
  /** The request's content, where it is taken. */
  readonly content: Http2Content | undefined;
  readonly #events: StreamEvents;
  /** What the client still allows to be sent; negative after it has shrunk its windows (section 6.9.2). */
  window: number;
  /** True until the client has ended the request. */
  isRemoteOpen: boolean;
  behind: Http2Stream | undefined = undefined;
  isQueued = false;
  /** Interim answers that are not yet sent. */
  interims: StreamHead[] | undefined = undefined;
  /** Fields after the body, encoded once that has ended; none without it. */
  trailers: EncodedFields | undefined = undefined;
  /** What is to be sent next: the head, then the rest of a block. */
  head: StreamHead | undefined = undefined;
  #block: Uint8Array = NOTHING;
  #blockAt = 0;
  #source: Http2Source | undefined = undefined;
  /** True when nothing comes after the block. */
  #isSourceDone = false;
  /** True once a frame with END_STREAM is on its way. */
  isEndFramed = false;
  isOver = false;
  #answer: Answer | undefined = undefined;
  #takenBytes = 0;
  #reportedBytes = 0;
  #quiet: QuietTimer | undefined = undefined;

  constructor(id: number, opened: OpenedStream, window: number, events: StreamEvents) {
    this.id = id;
    this.request = opened.request;
    this.content = opened.content;
    this.isRemoteOpen = opened.isRemoteOpen;
    this.window = window;
    this.#events = events;
  }

  /** True once `start` has taken an answer. */
  get isAnswered(): boolean {
    return this.#answer !== undefined;
  }

  /** Bytes of the block that are in no frame yet. */
  get leftBytes(): number {
    return this.#block.length - this.#blockAt;
  }

  /** True when the block is the last and a frame may end the stream. */
  get isEnding(): boolean {
    return this.#isSourceDone && !this.isEndFramed;
  }

  /** Takes the answer. Throws NesonError, before anything else happens, when it cannot be written. */
  start(answer: Answer): void {
    const { status, headers, body } = answer;
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new NesonError("bad-answer", `an answer cannot be written: status ${status}, allowed: 200 to 599`, {
        fault: "bug",
      });
    }
    const fields = encodeFields(headers);
    const isBodiless = this.request?.method === "HEAD" || status === 204 || status === 304;
    const isStream = body !== null && !(body instanceof Uint8Array);
    let addedBytes: number | undefined;
    if (!isBodiless && !isStream) {
      const length = body === null ? 0 : body.length;
      if (fields.declaredBytes === undefined) addedBytes = length;
      else if (fields.declaredBytes !== length) throw wrongLength(String(fields.declaredBytes), length);
    }
    this.#answer = answer;
    this.head = { status, fields, addedBytes };
    if (isStream && !isBodiless) {
      this.#source = new Http2Source(body, fields.declaredBytes, this);
      this.#source.pull();
      return;
    }
    this.#isSourceDone = true;
    if (isStream) stopBody(body);
    else if (!isBodiless && body !== null) this.#block = body;
  }

  /** Takes another answer in place of one whose source failed; false when something of that was sent already. */
  replace(answer: Answer): boolean {
    if (this.isOver || this.head === undefined) return false;
    this.#answer?.sent?.(0, false);
    this.#source = undefined;
    this.start(answer);
    return true;
  }

  /** Sends an interim answer (RFC 9113 section 8.1), unless too many wait. */
  inform(status: number, headers: Headers): void {
    if (this.isAnswered || this.isOver) return;
    const waiting = this.interims ?? [];
    if (waiting.length >= MAX_INTERIMS) return;
    const fields = encodeFields(headers);
    if (fields.block.length > MAX_INTERIM_BYTES) return;
    // A Date field has no use before the answer.
    waiting.push({ status, fields: { ...fields, hasDate: true }, addedBytes: undefined });
    this.interims = waiting;
    this.#events.informed(this);
  }

  /** Copies the next bytes of the block into a frame. */
  copyInto(into: Uint8Array, at: number, bytes: number): void {
    // As `set` of a part would, without an object for the part.
    copyBytes.call(this.#block as Buffer, into, at, this.#blockAt, this.#blockAt + bytes);
    this.#blockAt += bytes;
    if (this.#blockAt === this.#block.length) {
      this.#block = NOTHING;
      this.#blockAt = 0;
      this.#source?.pull();
    }
  }

  taken(bodyBytes: number, isLast: boolean): void {
    this.#takenBytes += bodyBytes;
    if (isLast && !this.isOver) this.#events.done(this);
  }

  /** Ends it: what the source holds is freed, and `sent` is called. */
  finish(isComplete: boolean): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#block = NOTHING;
    this.#blockAt = 0;
    this.head = undefined;
    if (!isComplete) this.request?.leave();
    this.content?.close();
    this.#source?.stop();
    this.#answer?.sent?.(this.#takenBytes, isComplete);
  }

  /** How long nothing was taken of what waits for the client, or nothing came of what the client owes, ms. Tells the answer of progress. */
  quietMs(nowMs: number): number {
    if (this.#takenBytes > this.#reportedBytes) {
      this.#reportedBytes = this.#takenBytes;
      this.#answer?.progress?.(this.#takenBytes);
    }
    // A slow handler or source is not the client's fault.
    const owes = this.content === undefined && this.isRemoteOpen;
    const isWaiting = this.isAnswered ? this.leftBytes > 0 || this.#isSourceDone : owes;
    this.#quiet ??= new QuietTimer();
    return this.#quiet.quietMs(isWaiting ? this.#takenBytes : undefined, nowMs);
  }

  block(bytes: Uint8Array): void {
    this.#block = bytes;
    this.#events.ready(this);
  }

  end(): void {
    this.#isSourceDone = true;
    const trailers = trailerFields(this.#answer?.trailers?.() ?? []);
    if (trailers.length > 0) {
      const fields = encodeFields(trailers);
      if (fields.block.length <= MAX_TRAILER_BYTES) this.trailers = fields;
    }
    this.#events.ready(this);
  }

  fail(error: unknown): void {
    this.#events.failed(this, error);
  }
}
