import { FRAME, frameOf, INITIAL_WINDOW_BYTES, write32 } from "./http2-frames.ts";

/** What a client may send on all streams together before any of it is read: all that one connection can make wait here. */
export const CONNECTION_INFLOW_BYTES = 1024 * 1024;

/** The same for one stream. */
export const STREAM_INFLOW_BYTES = 256 * 1024;

/** Queues a frame. */
export type QueueFrame = (frame: Uint8Array) => void;

/**
 * One flow-control window for what a client sends (RFC 9113 section 5.2): it is opened again only for what was read or thrown away, and in steps
 * of half of it, so that updates are few.
 */
export class Http2Inflow {
  readonly #streamId: number;
  readonly #size: number;
  readonly #queue: QueueFrame;
  #window: number;
  #owed = 0;

  /** @param streamId 0 for the connection's */
  constructor(streamId: number, size: number, queue: QueueFrame) {
    this.#streamId = streamId;
    this.#size = size;
    this.#window = size;
    this.#queue = queue;
  }

  /** Counts what came; false when it is more than was allowed. */
  receive(bytes: number): boolean {
    this.#window -= bytes;
    return this.#window >= 0;
  }

  /** As many bytes more may come. */
  give(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed < this.#size / 2) return;
    this.#queue(windowUpdate(this.#streamId, this.#owed));
    this.#window += this.#owed;
    this.#owed = 0;
  }
}

/** Widens the connection's window, which no setting does (RFC 9113 section 6.9.2). */
export function wideConnectionWindow(): Uint8Array {
  return windowUpdate(0, CONNECTION_INFLOW_BYTES - INITIAL_WINDOW_BYTES);
}

function windowUpdate(streamId: number, increment: number): Uint8Array {
  const payload = new Uint8Array(4);
  write32(increment, payload, 0);
  return frameOf(FRAME.windowUpdate, 0, streamId, payload);
}
