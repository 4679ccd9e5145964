/** Seconds of expiry the ring can hold (4 KiB a Terminal); longer-lived tickets are counted as expiring at its end. */
const RING_SECONDS = 512;

/**
 * Bytes that one Terminal may still be asked for by this Router's unexpired tickets.
 *
 * A ring of one-second expiry buckets: constant memory however many tickets are open, and issuing, claiming and expiring
 * are each O(1).
 */
export class OpenTickets {
  readonly #buckets = new Float64Array(RING_SECONDS);
  #oldestSecond: number;
  #bytes = 0;

  constructor(nowSeconds: number) {
    this.#oldestSecond = nowSeconds;
  }

  issue(bytes: number, expiresAtSeconds: number, nowSeconds: number): void {
    this.#expire(nowSeconds);
    const second = Math.min(Math.max(expiresAtSeconds, nowSeconds), this.#oldestSecond + RING_SECONDS - 1);
    this.#add(second, bytes);
  }

  /** Bytes that were sent on a ticket expiring then need not be expected any more. */
  settle(bytes: number, expiresAtSeconds: number, nowSeconds: number): void {
    this.#expire(nowSeconds);
    if (expiresAtSeconds < this.#oldestSecond) return;
    const second = Math.min(expiresAtSeconds, this.#oldestSecond + RING_SECONDS - 1);
    this.#add(second, -Math.min(bytes, this.#buckets[second % RING_SECONDS] ?? 0));
  }

  bytes(nowSeconds: number): number {
    this.#expire(nowSeconds);
    return this.#bytes;
  }

  #add(second: number, bytes: number): void {
    const slot = second % RING_SECONDS;
    this.#buckets[slot] = (this.#buckets[slot] ?? 0) + bytes;
    this.#bytes += bytes;
  }

  #expire(nowSeconds: number): void {
    if (nowSeconds <= this.#oldestSecond) return;
    const steps = Math.min(nowSeconds - this.#oldestSecond, RING_SECONDS);
    for (let step = 0; step < steps; step += 1) {
      const slot = (this.#oldestSecond + step) % RING_SECONDS;
      this.#bytes -= this.#buckets[slot] ?? 0;
      this.#buckets[slot] = 0;
    }
    this.#oldestSecond = nowSeconds;
    if (this.#bytes < 0) this.#bytes = 0;
  }
}
