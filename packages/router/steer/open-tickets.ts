/** Buckets at the start: 4 KiB a Terminal. */
const FIRST_BUCKETS = 512;
/** More than a day, the longest a ticket may live; what would outlive even that is counted as expiring then. */
const MAX_BUCKETS = 131_072;

/**
 * Bytes that one Terminal may still be asked for by this Router's unexpired tickets.
 *
 * A ring of one-second expiry buckets, as long as the longest ticket life seen: memory does not depend on how many tickets are open,
 * and issuing, claiming and expiring are each O(1).
 */
export class OpenTickets {
  #buckets = new Float64Array(FIRST_BUCKETS);
  #oldestSecond: number;
  #bytes = 0;

  constructor(nowSeconds: number) {
    this.#oldestSecond = nowSeconds;
  }

  issue(bytes: number, expiresAtSeconds: number, nowSeconds: number): void {
    this.#expire(nowSeconds);
    while (expiresAtSeconds - this.#oldestSecond >= this.#buckets.length && this.#buckets.length < MAX_BUCKETS)
      this.#grow();
    this.#add(this.#within(Math.max(expiresAtSeconds, nowSeconds)), bytes);
  }

  /** Bytes that were sent on a ticket expiring then need not be expected any more. */
  settle(bytes: number, expiresAtSeconds: number, nowSeconds: number): void {
    this.#expire(nowSeconds);
    if (expiresAtSeconds < this.#oldestSecond) return;
    const second = this.#within(expiresAtSeconds);
    this.#add(second, -Math.min(bytes, this.#buckets[second % this.#buckets.length] ?? 0));
  }

  bytes(nowSeconds: number): number {
    this.#expire(nowSeconds);
    return this.#bytes;
  }

  #within(second: number): number {
    return Math.min(second, this.#oldestSecond + this.#buckets.length - 1);
  }

  #grow(): void {
    const former = this.#buckets;
    this.#buckets = new Float64Array(former.length * 2);
    for (let second = this.#oldestSecond; second < this.#oldestSecond + former.length; second += 1) {
      this.#buckets[second % this.#buckets.length] = former[second % former.length] ?? 0;
    }
  }

  #add(second: number, bytes: number): void {
    const slot = second % this.#buckets.length;
    this.#buckets[slot] = (this.#buckets[slot] ?? 0) + bytes;
    this.#bytes += bytes;
  }

  #expire(nowSeconds: number): void {
    if (nowSeconds <= this.#oldestSecond) return;
    const steps = Math.min(nowSeconds - this.#oldestSecond, this.#buckets.length);
    for (let step = 0; step < steps; step += 1) {
      const slot = (this.#oldestSecond + step) % this.#buckets.length;
      this.#bytes -= this.#buckets[slot] ?? 0;
      this.#buckets[slot] = 0;
    }
    this.#oldestSecond = nowSeconds;
    if (this.#bytes < 0) this.#bytes = 0;
  }
}
