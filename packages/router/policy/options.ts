/** What a site decides about caching where the RFCs leave it open, and how that applies to one stored response. */
import { ageMs } from "./freshness.ts";
import type { ResponseFacts } from "./prepare.ts";

/** A site's say; `cache` of its settings is one. */
export interface PolicyOptions {
  /** Share of Date − Last-Modified taken as freshness when the origin states none (RFC 9111 4.2.2); 0 = never guess. */
  readonly heuristicFraction: number;
  /** Seconds past its freshness that a response may answer for a failing origin although it did not say so (RFC 9111 4.2.4). */
  readonly staleIfErrorSeconds: number;
  /** Seconds past its freshness that a response may answer while it is renewed although it did not say so (RFC 5861 3). */
  readonly staleWhileRevalidateSeconds: number;
  /** Freshness of failures whose origin states none; 0 = they have none. */
  readonly negative: { readonly notFoundSeconds: number; readonly serverErrorSeconds: number };
  /** Request fields, in lower case, that select among stored responses besides those that Vary names. */
  readonly varyBy: readonly string[];
  /** `strip`: a response with Set-Cookie may be kept without it. */
  readonly setCookie: "pass" | "strip";
  /** Whether documents under the name of a static file are not kept. */
  readonly deceptionGuard: boolean;
}

/** By the book, and never guessing. */
export const DEFAULT_POLICY: PolicyOptions = Object.freeze({
  heuristicFraction: 0,
  staleIfErrorSeconds: 0,
  staleWhileRevalidateSeconds: 0,
  negative: Object.freeze({ notFoundSeconds: 0, serverErrorSeconds: 0 }),
  varyBy: Object.freeze([]),
  setCookie: "pass",
  deceptionGuard: true,
});

/** RFC 9111 4.2.2: an expiration guessed from Last-Modified is no further away. */
const MAX_GUESSED_SECONDS = 86_400;

/** RFC 9111 4.2.1, 4.2.2: seconds for which a response is fresh under a site's settings. */
export function lifetimeOf(facts: ResponseFacts, options: PolicyOptions): number {
  const lifetimeSeconds = undisturbedLifetimeOf(facts, options);
  if (facts.staleSinceMs === undefined) return lifetimeSeconds;
  return Math.min(lifetimeSeconds, Math.floor(ageMs(facts, facts.staleSinceMs) / 1000));
}

function undisturbedLifetimeOf(facts: ResponseFacts, options: PolicyOptions): number {
  if (!facts.isSilent) return facts.lifetimeSeconds;
  const guessed = Math.floor(facts.unchangedSeconds * options.heuristicFraction);
  return Math.max(negativeSeconds(facts.status, options), Math.min(MAX_GUESSED_SECONDS, guessed));
}

// Only what the target alone decides: 400, 413, 414 or 431 are about the request of one client, and must not be given to others.
function negativeSeconds(status: number, { negative }: PolicyOptions): number {
  if (status === 404 || status === 410) return negative.notFoundSeconds;
  return isOriginFailure(status) ? negative.serverErrorSeconds : 0;
}

/** RFC 5861 4: the statuses that are errors. */
export function isOriginFailure(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}

/** Seconds past its freshness that a response may stand in for an error: as it says, else as the site says of what was fresh at all. */
export function staleIfErrorSecondsOf(facts: ResponseFacts, options: PolicyOptions): number {
  return allowance(facts, facts.staleIfErrorSeconds, options.staleIfErrorSeconds);
}

/** The same for answers that are given while it is renewed. */
export function staleWhileRevalidateSecondsOf(facts: ResponseFacts, options: PolicyOptions): number {
  return allowance(facts, facts.staleWhileRevalidateSeconds, options.staleWhileRevalidateSeconds);
}

// What never was fresh may be a page that its origin wants to decide about each time, so the site's own say does not extend to it.
function allowance(facts: ResponseFacts, stated: number | undefined, bySite: number): number {
  if (!facts.allowsStale) return 0;
  return stated ?? (facts.lifetimeSeconds > 0 ? bySite : 0);
}
