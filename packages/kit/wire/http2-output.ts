import type { ByteSink } from "./connection.ts";

/** What is at most gathered for one write: four frames of the usual size with their heads. More would not be faster. */
const SCRATCH_BYTES = 4 * (16_384 + 9) + 4096;

/** A slow client has less gathered for it, so that little waits in this process. */
const MIN_BURST_BYTES = 16_384 + 9;

/** Frames about the connection that may wait for a client that does not read. */
const MAX_CONTROL_BYTES = 8 * 1024;

const NOTHING = new Uint8Array(0);

/** Used up within each call, so that all connections share it. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Is told how much of its content the kernel took. */
export interface ContentOwner {
  taken(bodyBytes: number, isLast: boolean): void;
}

/** Where frames are being gathered. */
export interface Gathering {
  readonly into: Uint8Array;
  /** Where the next byte goes; never beyond `limit`. */
  at: number;
  readonly limit: number;
}

/** What one connection is sending: frames are gathered and go out in one write; what the sink does not take is all that ever waits. */
export class Http2Output {
  readonly #sink: ByteSink;
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  #burstBytes = SCRATCH_BYTES;
  /** The rest of a burst, from `#restAt` on; its byte i is byte `#base` + i of the burst. */
  #rest: Uint8Array | undefined;
  /** Memory that the rest stood in before: a slow client needs some again and again. */
  #store = NOTHING;
  #restAt = 0;
  #base = 0;
  /** Content in the burst: whose, from where to where, and whether it is the last of its answer. */
  #owners: ContentOwner[] = [];
  #starts: number[] = [];
  #ends: number[] = [];
  #lasts: boolean[] = [];
  /** How many of those are settled. */
  #settled = 0;
  #progress = 0;
  #isClosed = false;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** True while bytes wait for the sink. */
  get isBlocked(): boolean {
    return this.#rest !== undefined;
  }

  /** True once the sink has said that it is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Counts up whenever the client has taken something. */
  get progress(): number {
    return this.#progress;
  }

  /** Queues a whole frame about the connection, to go before any content. False when too many wait. */
  queue(frame: Uint8Array): boolean {
    this.#control.push(frame);
    this.#controlBytes += frame.length;
    return this.#controlBytes <= MAX_CONTROL_BYTES;
  }

  /** Writes what waits; true when nothing is left of it. */
  resume(): boolean {
    const rest = this.#rest;
    if (rest === undefined) return !this.#isClosed;
    const taken = this.#offer(rest, this.#restAt);
    this.#restAt += taken;
    if (this.#restAt < rest.length) {
      this.#settle(this.#base + this.#restAt);
      return false;
    }
    this.#rest = undefined;
    this.#settleAll();
    return true;
  }

  /** Begins a burst with the frames that are queued. Only when not blocked; all connections use the same memory, so `send` must follow. */
  gather(): Gathering {
    let at = 0;
    if (this.#controlBytes > 0) {
      for (const frame of this.#control) {
        scratch.set(frame, at);
        at += frame.length;
      }
      this.#control = [];
      this.#controlBytes = 0;
    }
    return { into: scratch, at, limit: Math.max(this.#burstBytes, at) };
  }

  /** Notes that bytes start..end of the burst are content. */
  note(owner: ContentOwner, start: number, end: number, isLast: boolean): void {
    this.#owners.push(owner);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#lasts.push(isLast);
  }

  /** Frees what an idle connection does not need. */
  relax(): void {
    if (this.#rest === undefined) this.#store = NOTHING;
  }

  /** Writes the burst; true when all of it was accepted. */
  send(bytes: number): boolean {
    const taken = this.#offer(scratch.subarray(0, bytes), 0);
    if (taken === bytes) {
      this.#burstBytes = Math.min(SCRATCH_BYTES, this.#burstBytes * 2);
      this.#settleAll();
      return true;
    }
    this.#burstBytes = Math.max(MIN_BURST_BYTES, this.#burstBytes >> 1);
    this.#keep(taken, bytes);
    this.#settle(taken);
    return false;
  }

  /** Offers a last frame, in one try, and closes once what was accepted has been sent. */
  end(frame: Uint8Array): void {
    if (this.resume()) {
      this.queue(frame);
      this.send(this.gather().at);
    }
    this.#sink.end();
    this.drop();
  }

  /** Nothing more is sent; tells the owners what of the burst was taken. */
  drop(): void {
    this.#isClosed = true;
    if (this.#rest === undefined) return;
    const accepted = this.#base + this.#restAt;
    const start = this.#starts[this.#settled];
    if (start !== undefined && start < accepted) this.#owners[this.#settled]?.taken(accepted - start, false);
    this.#forget();
    this.#rest = undefined;
  }

  /** Keeps bytes start..end of the burst, at the end of memory of this connection. */
  #keep(start: number, end: number): void {
    const size = end - start;
    if (this.#store.length < size) this.#store = new Uint8Array(size);
    this.#rest = this.#store;
    this.#restAt = this.#store.length - size;
    this.#base = start - this.#restAt;
    scratch.copy(this.#store, this.#restAt, start, end);
  }

  #offer(bytes: Uint8Array, offset: number): number {
    if (this.#isClosed) return 0;
    const taken = this.#sink.write(bytes, offset);
    if (taken < 0) this.#isClosed = true;
    if (taken <= 0) return 0;
    this.#progress++;
    return taken;
  }

  #settleAll(): void {
    this.#settle(Number.POSITIVE_INFINITY);
    this.#forget();
  }

  /** Tells the owners of content that lies before byte `accepted` of the burst. */
  #settle(accepted: number): void {
    const count = this.#owners.length;
    while (this.#settled < count && (this.#ends[this.#settled] as number) <= accepted) {
      const i = this.#settled++;
      this.#owners[i]?.taken((this.#ends[i] as number) - (this.#starts[i] as number), this.#lasts[i] as boolean);
    }
  }

  #forget(): void {
    this.#settled = 0;
    this.#owners.length = 0;
    this.#starts.length = 0;
    this.#ends.length = 0;
    this.#lasts.length = 0;
  }
}
