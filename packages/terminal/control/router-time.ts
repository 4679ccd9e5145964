import type { Clock } from "@neson/kit/clock";

/** Less than this is the time a message took, or a clock that is kept well enough. */
const TOLERANCE_MS = 2000;
/** A difference that changes by less than this is the same one. */
const STEADY_MS = 1000;

/**
 * Time as the Router has it, for what the Router dates: tickets, their keys, manifests. This machine's own clock may be minutes off, and a Terminal that
 * went by it would send every viewer back to the site, or serve on tickets that are long over.
 */
export class RouterTime implements Clock {
  readonly #clock: Clock;
  #offsetMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** By how much this machine's clock is ahead of the Router's; undefined before the Router said what time it is. */
  get offsetMs(): number | undefined {
    return this.#offsetMs;
  }

  /** A Router has just said what time it is. */
  hear(routerMs: number): void {
    const offsetMs = this.#clock.nowMs() - routerMs;
    if (this.#offsetMs === undefined || Math.abs(offsetMs - this.#offsetMs) >= STEADY_MS) this.#offsetMs = offsetMs;
  }

  /** Milliseconds since the Unix epoch: by this machine's clock, unless that is far from what the Router says. */
  nowMs(): number {
    const offsetMs = this.#offsetMs ?? 0;
    return this.#clock.nowMs() - (Math.abs(offsetMs) < TOLERANCE_MS ? 0 : offsetMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }
}
