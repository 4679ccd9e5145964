/**
 * How a request for an object ended:
 * - `memory`, `disk`: the object was here
 * - `fill`: served while it was being fetched
 * - `sent-back`: the client was sent back to its site
 * - `refused`: no valid ticket, or a range outside of it
 */
export const OUTCOMES = ["memory", "disk", "fill", "sent-back", "refused"] as const;

/** See `OUTCOMES`. */
export type Outcome = (typeof OUTCOMES)[number];

/** Requests answered and body bytes sent, by outcome. */
export interface OutcomeCounts {
  answers: Record<Outcome, number>;
  bytes: Record<Outcome, number>;
}

/** All zero. */
export function noCounts(): OutcomeCounts {
  return {
    answers: { memory: 0, disk: 0, fill: 0, "sent-back": 0, refused: 0 },
    bytes: { memory: 0, disk: 0, fill: 0, "sent-back": 0, refused: 0 },
  };
}

/** A copy that later counting does not change. */
export function copyOf({ answers, bytes }: OutcomeCounts): OutcomeCounts {
  return { answers: { ...answers }, bytes: { ...bytes } };
}

/** What `later` has more than `earlier`. */
export function difference(later: OutcomeCounts, earlier: OutcomeCounts): OutcomeCounts {
  const result = noCounts();
  for (const outcome of OUTCOMES) {
    result.answers[outcome] = later.answers[outcome] - earlier.answers[outcome];
    result.bytes[outcome] = later.bytes[outcome] - earlier.bytes[outcome];
  }
  return result;
}

/** Adds `more` to `counts`. */
export function addTo(counts: OutcomeCounts, more: OutcomeCounts): void {
  for (const outcome of OUTCOMES) {
    counts.answers[outcome] += more.answers[outcome];
    counts.bytes[outcome] += more.bytes[outcome];
  }
}

/** Whether there is anything in it. */
export function isNothing({ answers, bytes }: OutcomeCounts): boolean {
  return OUTCOMES.every((outcome) => answers[outcome] === 0 && bytes[outcome] === 0);
}
