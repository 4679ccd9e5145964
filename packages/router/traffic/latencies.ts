import type { Trace } from "../edge/trace.ts";

/** Upper bounds of the classes, seconds: from an answer out of memory to a slow origin. */
export const LATENCY_BOUNDS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long answers took, of one outcome. */
export interface Latency {
  /** Answers that took at most as long as the bound at the same place, and (last) all of them. */
  cumulative: number[];
  sumSeconds: number;
}

/** Times from a request's arrival to its answer's header section, by outcome, since the start. */
export class Latencies {
  readonly #classes = new Map<Trace["outcome"], { counts: number[]; sumMs: number }>();

  add(outcome: Trace["outcome"], tookMs: number): void {
    let known = this.#classes.get(outcome);
    if (known === undefined) {
      known = { counts: new Array<number>(LATENCY_BOUNDS.length + 1).fill(0), sumMs: 0 };
      this.#classes.set(outcome, known);
    }
    const at = LATENCY_BOUNDS.findIndex((bound) => tookMs <= bound * 1000);
    const place = at < 0 ? LATENCY_BOUNDS.length : at;
    known.counts[place] = (known.counts[place] ?? 0) + 1;
    known.sumMs += Math.max(0, tookMs);
  }

  /** Each outcome that occurred. */
  *entries(): Generator<[Trace["outcome"], Latency]> {
    for (const [outcome, { counts, sumMs }] of this.#classes) {
      let sum = 0;
      const cumulative = counts.map((count) => {
        sum += count;
        return sum;
      });
      yield [outcome, { cumulative, sumSeconds: sumMs / 1000 }];
    }
  }
}
