import type { ByteSink } from "./connection.ts";
import { joinHead } from "./headroom.ts";

/** What is at most copied together for one write: one system call is cheaper than sparing this copy. */
const SCRATCH_BYTES = 80 * 1024;

/** A body up to this is sooner copied than its room is found. */
const SMALL_BYTES = 8 * 1024;

/** Up to this, head and body are worth sending with one write; beyond, a second system call does not show. */
const JOINED_BYTES = 256 * 1024;

/** Used up within each call, so that all connections share it. What is sent stands at its end, where `write` reads to. */
const scratch = new Uint8Array(SCRATCH_BYTES);

const NOTHING = new Uint8Array(0);

/**
 * What one connection is sending: at most one block of body, between the bytes that frame it. A block stays the caller's and must not change
 * until it is accepted whole.
 */
export class Http1Output {
  readonly #sink: ByteSink;
  #before: Uint8Array = NOTHING;
  #body: Uint8Array = NOTHING;
  #after: Uint8Array = NOTHING;
  /** How many of the bytes of all three are accepted. */
  #done = 0;
  #bodyBytes = 0;
  /** False while bytes wait for the sink. */
  isEmpty = true;
  /** Counts up whenever the client has taken something. */
  progress = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Body bytes accepted since `startBody`. */
  get bodyBytes(): number {
    if (this.isEmpty) return this.#bodyBytes;
    return this.#bodyBytes + Math.min(this.#body.length, Math.max(0, this.#done - this.#before.length));
  }

  /** Counts body bytes from 0. */
  startBody(): void {
    this.#bodyBytes = 0;
  }

  /** Sends a block with what frames it; only when empty. True when all of it was accepted. */
  send(before: Uint8Array, body: Uint8Array = NOTHING, after: Uint8Array = NOTHING): boolean {
    const size = before.length + body.length + after.length;
    const joined =
      body.length > SMALL_BYTES && size <= JOINED_BYTES && after.length === 0 ? joinHead(before, body) : undefined;
    if (joined !== undefined) return this.#settle(this.#sink.write(joined.buffer, joined.start), before, body, after);
    if (size > SCRATCH_BYTES) return this.#sendLarge(before, body, after);
    const start = SCRATCH_BYTES - size;
    scratch.set(before, start);
    if (body.length > 0) scratch.set(body, start + before.length);
    if (after.length > 0) scratch.set(after, SCRATCH_BYTES - after.length);
    return this.#settle(this.#sink.write(scratch, start), before, body, after);
  }

  /** Goes on where the sink took no more. True when nothing is left. */
  resume(): boolean {
    if (this.isEmpty) return true;
    const bodyEnd = this.#before.length + this.#body.length;
    if (!this.#push(this.#before, 0)) return false;
    if (!this.#push(this.#body, this.#before.length)) return false;
    if (!this.#push(this.#after, bodyEnd)) return false;
    this.#bodyBytes += this.#body.length;
    this.#forget();
    return true;
  }

  /** Drops what waits; the body bytes accepted so far stay counted. */
  drop(): void {
    this.#bodyBytes = this.bodyBytes;
    this.#forget();
  }

  /** The start of a large block goes with its head in one write, the rest from where it lies. */
  #sendLarge(before: Uint8Array, body: Uint8Array, after: Uint8Array): boolean {
    const first = Math.min(body.length, SCRATCH_BYTES - before.length);
    const start = SCRATCH_BYTES - before.length - first;
    scratch.set(before, start);
    scratch.set(body.subarray(0, first), start + before.length);
    const taken = this.#sink.write(scratch, start);
    this.progress++;
    this.#keep(before, body, after, taken);
    return taken === before.length + first ? this.resume() : false;
  }

  /** Notes what was taken of all three; true when that is everything. */
  #settle(taken: number, before: Uint8Array, body: Uint8Array, after: Uint8Array): boolean {
    this.progress++;
    if (taken === before.length + body.length + after.length) {
      this.#bodyBytes += body.length;
      return true;
    }
    this.#keep(before, body, after, taken);
    return false;
  }

  #keep(before: Uint8Array, body: Uint8Array, after: Uint8Array, taken: number): void {
    this.#done = Math.max(0, taken);
    // A head may be shared, and change with its Date field.
    this.#before = this.#done < before.length ? new Uint8Array(before) : before;
    this.#body = body;
    this.#after = after;
    this.isEmpty = false;
  }

  /** Writes what is left of one of the parts, which starts at `partStart` among all bytes. */
  #push(part: Uint8Array, partStart: number): boolean {
    const offset = this.#done - partStart;
    if (offset >= part.length) return true;
    const taken = this.#sink.write(part, offset);
    if (taken <= 0) return false;
    this.#done += taken;
    this.progress++;
    return offset + taken === part.length;
  }

  #forget(): void {
    this.#before = NOTHING;
    this.#body = NOTHING;
    this.#after = NOTHING;
    this.isEmpty = true;
  }
}
