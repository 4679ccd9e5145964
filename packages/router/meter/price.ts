/**
 * What one claim pays beyond what its ticket and its ticket's group were paid already.
 *
 * Claims are cumulative, so the same claim again pays nothing; a nonce is never paid more than its ticket allows, and the
 * tickets of one answer together never more than one of them allows.
 * @returns bytes to add, ≥ 0
 */
export function payableBytes(claim: {
  claimedBytes: number;
  /** The ticket's ceiling, equal for all tickets of a group. */
  maxBytes: number;
  alreadyPaidBytes: number;
  groupPaidBytes: number;
}): number {
  const due = Math.min(claim.claimedBytes, claim.maxBytes) - claim.alreadyPaidBytes;
  const left = claim.maxBytes - claim.groupPaidBytes;
  return Math.max(0, Math.min(due, left));
}
