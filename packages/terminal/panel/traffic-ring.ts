import type { OutcomeCounts } from "./outcomes.ts";

/** Seconds that are kept one by one. */
export const RING_SECONDS = 600;

/** One value for each of the last seconds, oldest first; the three lists are of one length. */
export interface RecentSeconds {
  /** Requests answered, without those refused. */
  answers: number[];
  /** Of those, answered from memory or disk. */
  hits: number[];
  /** Body bytes. */
  bytes: number[];
}

/** The last ten minutes, second by second, in a fixed amount of memory. */
export class TrafficRing {
  readonly #answers = new Float64Array(RING_SECONDS);
  readonly #hits = new Float64Array(RING_SECONDS);
  readonly #bytes = new Float64Array(RING_SECONDS);
  #next = 0;
  #length = 0;

  /** Adds a second in which that much happened. */
  push({ answers, bytes }: OutcomeCounts): void {
    const hits = answers.memory + answers.disk;
    this.#put(hits + answers.fill + answers["sent-back"], hits, sumOf(bytes));
  }

  /** Adds seconds in which nothing happened. */
  skip(seconds: number): void {
    for (let i = 0; i < Math.min(seconds, RING_SECONDS); i++) this.#put(0, 0, 0);
  }

  read(): RecentSeconds {
    return {
      answers: this.#inOrder(this.#answers),
      hits: this.#inOrder(this.#hits),
      bytes: this.#inOrder(this.#bytes),
    };
  }

  #put(answers: number, hits: number, bytes: number): void {
    this.#answers[this.#next] = answers;
    this.#hits[this.#next] = hits;
    this.#bytes[this.#next] = bytes;
    this.#next = (this.#next + 1) % RING_SECONDS;
    this.#length = Math.min(RING_SECONDS, this.#length + 1);
  }

  #inOrder(values: Float64Array): number[] {
    if (this.#length < RING_SECONDS) return [...values.subarray(0, this.#length)];
    return [...values.subarray(this.#next), ...values.subarray(0, this.#next)];
  }
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
