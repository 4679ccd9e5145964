/** What one worker is fetching: pieces `next` up to but not including `end`. */
export interface Run {
  next: number;
  end: number;
}

/**
 * The first stretch of pieces, from `from` on and then from the beginning, that is neither there nor being fetched.
 *
 * @param have one byte per piece, 1 when it is there
 * @returns the stretch with an exclusive end, or undefined when nothing is left to take on
 */
export function nextGap(have: Uint8Array, runs: readonly Run[], from: number): Run | undefined {
  return findGap(have, runs, from, have.length) ?? findGap(have, runs, 0, Math.min(from, have.length));
}

function findGap(have: Uint8Array, runs: readonly Run[], from: number, limit: number): Run | undefined {
  let next = from;
  for (;;) {
    next = have.indexOf(0, next);
    if (next < 0 || next >= limit) return undefined;
    const at = next;
    const covering = runs.find((run) => at >= run.next && at < run.end);
    if (covering === undefined) return { next, end: endOf(have, runs, next) };
    next = covering.end;
  }
}

function endOf(have: Uint8Array, runs: readonly Run[], start: number): number {
  const present = have.indexOf(1, start);
  const end = present < 0 ? have.length : present;
  return runs.reduce(
    (least, run) => (run.next > start && run.next < least && run.next < run.end ? run.next : least),
    end,
  );
}
