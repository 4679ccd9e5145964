/** What must come within the time given: less is meant to hold the connection, not to send something. */
const LEAST_BYTES = 1024;

/** Tells whether a client that is to send something is too slow about it. */
export class SlowSenderTimer {
  #sinceMs = -1;
  #sinceBytes = 0;

  /** @param receivedBytes all that came so far; undefined while it is not the client's turn */
  isTooSlow(receivedBytes: number | undefined, nowMs: number, limitMs: number): boolean {
    if (receivedBytes === undefined) {
      this.#sinceMs = -1;
      return false;
    }
    if (this.#sinceMs < 0 || receivedBytes - this.#sinceBytes >= LEAST_BYTES) {
      this.#sinceMs = nowMs;
      this.#sinceBytes = receivedBytes;
    }
    return nowMs - this.#sinceMs >= limitMs;
  }
}
