/** The middle value; the mean of the two middle ones when there is an even number. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The value below which `share` (0 to 1) of them lie: nearest rank. NaN for none. */
export function quantile(values: Float64Array | readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1));
  return sorted[rank] ?? Number.NaN;
}

/** How many times as fast one server was as another, measured in turn. */
export interface Ratio {
  /** Median over median. */
  ratio: number;
  /** The lowest and highest ratio of two runs of the same round: how much the machine wavered. */
  lowest: number;
  highest: number;
}

/** Compares runs that were taken in turn: `ours[i]` and `theirs[i]` belong to the same round. */
export function compare(ours: readonly number[], theirs: readonly number[]): Ratio {
  const pairs = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
  return { ratio: median(ours) / median(theirs), lowest: Math.min(...pairs), highest: Math.max(...pairs) };
}

/** A ratio for people: `1.31x (1.25–1.36)`. */
export function formatRatio({ ratio, lowest, highest }: Ratio): string {
  return `${ratio.toFixed(2)}x (${lowest.toFixed(2)}–${highest.toFixed(2)})`;
}
