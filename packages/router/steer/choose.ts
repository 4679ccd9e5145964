import type { Rankable } from "./rank.ts";

/** How busy a Terminal is, as the Router that chooses sees it. */
export interface Choosable extends Rankable {
  /** Bytes of this Router's own unexpired, unclaimed tickets over what the Terminal can send in the horizon. */
  utilisation(nowSeconds: number): number;
  /** Load from the Terminal's last heartbeat, 0 to 1. */
  reportedLoad: number;
}

/** A Terminal whose heartbeat says at least this much of its capacity is in use gets no new ticket. */
const FULL_LOAD = 0.95;
/** Past this multiple of the mean utilisation the ranking is walked further down (bounded load). */
const BOUND = 1.25;
/** Below this utilisation nobody is busy enough for the bound to matter. */
const BUSY = 0.5;

/**
 * Picks the Terminal to send a viewer to, and orders the others as mirrors.
 *
 * Among the first `replicas` usable Terminals of the ranking the least utilised wins, ties going to the better rank; when
 * even that one is past the bound, the rest of the ranking is walked for one that is not.
 *
 * Only the Router's own tickets are compared: load that all Routers share is stale, and sends them all to the same place.
 * @returns usable Terminals, the chosen one first; empty when there is none.
 */
export function chooseAmong<T extends Choosable>(
  ranking: readonly T[],
  options: { replicas: number; meanUtilisation: number; nowSeconds: number; usable: (terminal: T) => boolean },
): T[] {
  const usable: T[] = [];
  for (const terminal of ranking) {
    if (terminal.reportedLoad < FULL_LOAD && options.usable(terminal)) usable.push(terminal);
  }
  const limit = Math.max(BUSY, BOUND * options.meanUtilisation);
  let chosen = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < usable.length; index += 1) {
    if (index >= options.replicas && least <= limit) break;
    const utilisation = usable[index]?.utilisation(options.nowSeconds) ?? Number.POSITIVE_INFINITY;
    if (utilisation < least) {
      least = utilisation;
      chosen = index;
    }
  }
  if (chosen > 0) usable.unshift(...usable.splice(chosen, 1));
  return usable;
}
