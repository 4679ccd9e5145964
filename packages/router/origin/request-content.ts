import { NesonError } from "@neson/kit/error";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { limitedBody } from "./limited-body.ts";
import { bodyFraming } from "./request-headers.ts";

/** So much is read, and found in order, before an origin hears of the request. */
const AHEAD_BYTES = 64 * 1024;
/** Content without a stated length is waited for no longer: its sender may wait for the beginning of the answer. */
const AHEAD_MS = 100;
/** A client that sends nothing for so long holds an origin's connection no longer. */
const STALL_MS = 60_000;

/** The content of a request on its way to an origin. */
export interface RequestContent {
  /** The fields that frame it, flat; none without content. */
  framing: string[];
  /** Throws NesonError (caller) `content-too-large`, `request-too-slow`, or what the client did wrong. */
  body: AsyncIterable<Uint8Array> | undefined;
  /** The client waits to be told to go on (RFC 9110 10.1.1), so nothing was read yet. */
  isAwaited: boolean;
}

/**
 * Takes up a request's content: its beginning is read before anything is sent to the origin, so that what is malformed, too large or never sent costs
 * the origin nothing. A short one is read whole.
 * @param maxBytes largest content, whether its length was told or not
 * @throws NesonError (caller) as the body does
 */
export async function openContent(request: EdgeRequest, maxBytes: number | undefined): Promise<RequestContent> {
  const framing = bodyFraming(request);
  if (framing.length === 0) return { framing, body: undefined, isAwaited: false };
  const limited = maxBytes === undefined ? request.body : limitedBody(request.body, maxBytes);
  const body = new ContentReadAhead(limited);
  const isAwaited = request.httpVersion !== "1.0" && request.headers.expect?.toLowerCase() === "100-continue";
  if (!isAwaited) await body.readAhead(framing[0] === "Content-Length" ? undefined : AHEAD_MS);
  return { framing, body, isAwaited };
}

/** A client's content, read once: what was read ahead, then the rest; bounded in the silence between two blocks. */
class ContentReadAhead implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #ahead: IteratorResult<Uint8Array>[] = [];
  /** A read that was still under way when reading ahead ended. */
  #pending: Promise<IteratorResult<Uint8Array>> | undefined;
  #receivedBytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads until there is enough, or all, or `waitMs` are over. */
  async readAhead(waitMs: number | undefined): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    const timer = waitMs === undefined ? undefined : setTimeout(() => resolve(undefined), waitMs);
    try {
      while (this.#receivedBytes < AHEAD_BYTES) {
        const reading = this.#read();
        const step = await Promise.race([reading, over]);
        if (step === undefined) {
          this.#pending = reading;
          // Heard of by whoever reads on.
          reading.catch(() => {});
          return;
        }
        this.#ahead.push(step);
        if (step.done === true) return;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => {
        const step = this.#ahead.shift();
        if (step !== undefined) return Promise.resolve(step);
        const reading = this.#pending ?? this.#read();
        this.#pending = undefined;
        return reading;
      },
      return: async () => {
        await this.#source.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  async #read(): Promise<IteratorResult<Uint8Array>> {
    const { promise: stalled, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(tooSlow()), STALL_MS);
    try {
      const step = await Promise.race([this.#source.next(), stalled]);
      if (step.done !== true) this.#receivedBytes += step.value.length;
      return step;
    } finally {
      clearTimeout(timer);
    }
  }
}

function tooSlow(): NesonError {
  const message = `the client sent nothing of its content for ${STALL_MS} ms, no longer is allowed`;
  return new NesonError("request-too-slow", message, { fault: "caller" });
}
