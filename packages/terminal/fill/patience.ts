import type { Clock } from "@neson/kit/clock";

/** Tells when something takes too long. A clock that is set back begins the time anew rather than prolong it by as much. */
export class Patience {
  readonly #limitMs: number;
  readonly #clock: Clock;
  #startMs: number;

  /** The time begins now. */
  constructor(limitMs: number, clock: Clock) {
    this.#limitMs = limitMs;
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  /** The time begins anew. */
  renew(): void {
    this.#startMs = this.#clock.nowMs();
  }

  /** @throws Error saying what took longer than it may */
  check(what: string): void {
    const tookMs = this.#clock.nowMs() - this.#startMs;
    if (tookMs < 0) this.renew();
    if (tookMs > this.#limitMs) throw new Error(`${what} took more than ${this.#limitMs} ms`);
  }
}
