/** Tells for how long something has not changed. */
export class QuietTimer {
  #seen: number | undefined = undefined;
  #sinceMs = 0;

  /** Milliseconds since `state` was first seen to be what it is; 0 while it is undefined, for then there is nothing to wait for. */
  quietMs(state: number | undefined, nowMs: number): number {
    if (state === undefined || state !== this.#seen) {
      this.#seen = state;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs;
  }
}
