/** Freshness lifetime and age (RFC 9111 4.2). */

import { parseHttpDate } from "@neson/kit/http/date";
import { deltaSeconds, secondsOf } from "./cache-control.ts";
import { fieldLines } from "./fields.ts";
import type { Governing } from "./targeted.ts";

/** A response with the times of its exchange (milliseconds since 1970). */
export interface ReceivedResponse {
  status: number;
  /** Flat: name, value, name, value… */
  headers: string[];
  requestTimeMs: number;
  responseTimeMs: number;
}

/** What `ageMs()` needs of a response. */
export interface AgeFacts {
  /** RFC 9111 4.2.3 corrected_initial_age. */
  initialAgeMs: number;
  responseTimeMs: number;
}

/** RFC 9111 4.2.3 current_age at `nowMs`, in milliseconds. A clock that went back does not make a response younger. */
export function ageMs(facts: AgeFacts, nowMs: number): number {
  return facts.initialAgeMs + Math.max(0, nowMs - facts.responseTimeMs);
}

/** The same as whole seconds, as the Age field wants them (RFC 9111 5.1). */
export function currentAgeSeconds(facts: AgeFacts, nowMs: number): number {
  return Math.floor(ageMs(facts, nowMs) / 1000);
}

/** RFC 9111 4.2.3 corrected_initial_age of a response as it arrived, in milliseconds. */
export function initialAgeMs(response: ReceivedResponse): number {
  // Date counts whole seconds: compared with a finer clock it would age every response by up to a second.
  const arrivedMs = Math.floor(response.responseTimeMs / 1000) * 1000;
  const apparentAgeMs = Math.max(0, arrivedMs - dateMs(response));
  const responseDelayMs = Math.max(0, response.responseTimeMs - response.requestTimeMs);
  return Math.max(apparentAgeMs, ageFieldSeconds(response.headers) * 1000 + responseDelayMs);
}

/** RFC 9111 5.1: of a list the first member counts, and what is no number is ignored. */
function ageFieldSeconds(headers: readonly string[]): number {
  const first = fieldLines(headers, "age")[0]?.split(",")[0]?.trim();
  return first === undefined ? 0 : (deltaSeconds(first) ?? 0);
}

/** RFC 9110 6.6.1: without a usable Date the time of arrival stands for it. Contradicting lines: the oldest counts. */
function dateMs(response: ReceivedResponse): number {
  const dates = fieldLines(response.headers, "date").map((line) => parseHttpDate(line, response.responseTimeMs));
  const known = dates.filter((date) => date !== undefined);
  return known.length === 0 ? Math.floor(response.responseTimeMs / 1000) * 1000 : Math.min(...known);
}

/**
 * RFC 9111 4.2.1 freshness_lifetime for a shared cache, in seconds; undefined when the origin stated none.
 * Stated but invalid or contradictory information gives 0: stale on arrival.
 */
export function freshnessLifetimeSeconds(
  response: ReceivedResponse,
  { directives, isTargeted }: Governing,
): number | undefined {
  // s-maxage overrides max-age, and both override Expires (5.2.2.10, 5.3).
  for (const name of ["s-maxage", "max-age"]) {
    const stated = secondsOf(directives, name);
    if (stated !== undefined) return stated === "invalid" ? 0 : stated;
  }
  // RFC 9213 2.2: Expires is not for a cache that was addressed by a field of its own.
  if (isTargeted) return undefined;
  const [expires, ...others] = fieldLines(response.headers, "expires");
  if (expires === undefined) return undefined;
  // 5.3: an invalid date, especially "0", is a time in the past. 4.2.1: so are two that differ.
  const expiresMs = parseHttpDate(expires, response.responseTimeMs);
  if (expiresMs === undefined || others.some((line) => line !== expires)) return 0;
  return Math.max(0, Math.floor((expiresMs - dateMs(response)) / 1000));
}

/** RFC 9111 4.2.2: seconds from the last modification to the response, of which a share may count as freshness; 0 when they are not known. */
export function unchangedSeconds(response: ReceivedResponse): number {
  const lastModified = fieldLines(response.headers, "last-modified")[0];
  if (lastModified === undefined) return 0;
  const modifiedMs = parseHttpDate(lastModified, response.responseTimeMs);
  return modifiedMs === undefined ? 0 : Math.max(0, (dateMs(response) - modifiedMs) / 1000);
}
