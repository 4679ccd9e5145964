/** Bounds of a back-off, and its source of randomness in [0, 1). */
export interface BackoffOptions {
  baseMs: number;
  maxMs: number;
  random: () => number;
}

/**
 * How long to wait before try number `attempt` + 1 (0 = the first try has just failed), in milliseconds: uniform between
 * 0 and min(maxMs, baseMs · 2^attempt). Full jitter spreads a crowd that lost the same peer at the same moment.
 */
export function backoffMs(attempt: number, { baseMs, maxMs, random }: BackoffOptions): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 52));
  return random() * ceilingMs;
}
