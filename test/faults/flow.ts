import type { LineFault } from "./line.ts";

/** What is lost or held back together, about three packets. */
const SLICE_BYTES = 4096;
/** First wait before a lost packet is sent again, doubled each time (RFC 6298), and the longest. */
const RESEND_MS = 200;
const MAX_RESEND_MS = 3200;
/** The same for the packet that opens a connection (RFC 6298 section 2.1). */
const RECONNECT_MS = 1000;

/** A connection's two directions, and whose it is. */
export interface Course {
  /** From the Terminal to the others. */
  isOutward: boolean;
  /** Of viewers and the dial-back, as opposed to the control channel. */
  isViewers: boolean;
}

/**
 * What a bad line makes of TCP connections, seen from their ends: they wait. Loss is told by the waits for packets to be sent again, drawn from a
 * sequence that is the same for the same seed.
 */
export class Flow {
  #fault: LineFault = {};
  #changed = Promise.withResolvers<void>();
  /** When the line has sent all that was let pass so far, from performance.now(). */
  #freeAtMs = 0;
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From now on the line is so. */
  spoil(fault: LineFault): void {
    this.#fault = fault;
    this.#freeAtMs = 0;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Resolves when a new connection may go through. */
  async open(course: Course): Promise<void> {
    await this.#whileMute(course);
    // Two packets have to arrive, or both are sent again.
    for (let waitMs = RECONNECT_MS; this.#isLost() || this.#isLost(); waitMs *= 2) await this.#wait(waitMs);
  }

  /** Cuts what was read into what passes together. */
  *slices(chunk: Uint8Array): Generator<Uint8Array> {
    const isWhole = this.#fault.rateBytesPerSecond === undefined && this.#fault.lossRatio === undefined;
    const size = isWhole ? chunk.length : SLICE_BYTES;
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
  }

  /** Resolves when something that was just read may begin to pass. */
  async enter({ isOutward }: Course): Promise<void> {
    const { delayMs } = this.#fault;
    if (isOutward && delayMs !== undefined) await this.#wait(delayMs);
  }

  /** Resolves when so many bytes have passed. */
  async pass(bytes: number, course: Course): Promise<void> {
    await this.#whileMute(course);
    for (let waitMs = RESEND_MS; this.#isLost(); waitMs = Math.min(MAX_RESEND_MS, 2 * waitMs)) await this.#wait(waitMs);
    const { rateBytesPerSecond } = this.#fault;
    if (rateBytesPerSecond === undefined || !course.isOutward) return;
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (1000 * bytes) / rateBytesPerSecond;
    await this.#wait(this.#freeAtMs - nowMs);
  }

  async #whileMute({ isViewers }: Course): Promise<void> {
    while (isViewers && this.#fault.isMute === true) await this.#changed.promise;
  }

  /** Or until the fault is another. */
  async #wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([promise, this.#changed.promise]);
    clearTimeout(timer);
  }

  /** Draws (mulberry32). */
  #isLost(): boolean {
    const { lossRatio = 0 } = this.#fault;
    if (lossRatio === 0) return false;
    this.#state = (this.#state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296 < lossRatio;
  }
}
