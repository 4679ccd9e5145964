import type { Notice } from "./message.ts";

/** Bytes that may wait, about half an hour of a busy Router. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const MAX_WAITING = 20_000;

/** A notice that waits to be sent, with an id under which it counts once however often it is sent. */
export interface Waiting {
  number: number;
  notice: Notice;
}

/**
 * Notices on their way out, oldest first. When more wait than may, all of them give way to one `resync`, which tells the others no less.
 */
export class Outbox {
  readonly #waiting: (Waiting & { bytes: number })[] = [];
  #bytes = 0;
  #lastNumber = 0;
  #wake: () => void = () => {};

  get size(): number {
    return this.#waiting.length;
  }

  add(notice: Notice): void {
    this.#push(notice);
    if (this.#waiting.length > MAX_WAITING || this.#bytes > MAX_WAITING_BYTES) {
      this.#waiting.length = 0;
      this.#bytes = 0;
      this.#push({ type: "resync" });
    }
    this.#wake();
  }

  /** The oldest; waits for one, or until the signal aborts. It stays until `sent`. */
  async next(signal: AbortSignal): Promise<Waiting | undefined> {
    while (!signal.aborted) {
      const oldest = this.#waiting[0];
      if (oldest !== undefined) return oldest;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
      await promise;
      signal.removeEventListener("abort", wake);
    }
    return undefined;
  }

  /** It has arrived, unless it gave way meanwhile. */
  sent({ number }: Waiting): void {
    if (this.#waiting[0]?.number !== number) return;
    this.#bytes -= this.#waiting.shift()?.bytes ?? 0;
  }

  #push(notice: Notice): void {
    const bytes = JSON.stringify(notice).length;
    this.#waiting.push({ number: ++this.#lastNumber, notice, bytes });
    this.#bytes += bytes;
  }
}
