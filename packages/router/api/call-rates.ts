import type { Clock } from "@neson/kit/clock";

const WINDOW_MS = 10_000;
const MAX_CALLERS = 100_000;

/** What is left of a caller's share. */
export interface Share {
  isExceeded: boolean;
  /** The fields that tell the caller (draft-ietf-httpapi-ratelimit-headers-10), with Retry-After when exceeded. */
  fields: Record<string, string>;
}

/** Counts calls per caller in windows of ten seconds, which makes what is left exact and easy to tell. */
export class CallRates {
  readonly #clock: Clock;
  #windowStartMs = 0;
  #used = new Map<string, number>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** Counts one call of a caller who may make so many in ten seconds. */
  take(caller: string, quota: number): Share {
    const nowMs = this.#clock.nowMs();
    // A clock that was set back begins a window too.
    if (nowMs >= this.#windowStartMs + WINDOW_MS || nowMs < this.#windowStartMs) {
      this.#windowStartMs = nowMs - (nowMs % WINDOW_MS);
      this.#used = new Map();
    }
    const used = this.#used.get(caller) ?? 0;
    const isExceeded = used >= quota || (used === 0 && this.#used.size >= MAX_CALLERS);
    if (!isExceeded) this.#used.set(caller, used + 1);
    const resetSeconds = Math.max(1, Math.ceil((this.#windowStartMs + WINDOW_MS - nowMs) / 1000));
    const fields = {
      "RateLimit-Policy": `"calls";q=${quota};w=${WINDOW_MS / 1000}`,
      RateLimit: `"calls";r=${isExceeded ? 0 : quota - used - 1};t=${resetSeconds}`,
      ...(isExceeded && { "Retry-After": String(resetSeconds) }),
    };
    return { isExceeded, fields };
  }
}
