/** Updating a stored response from a 304 (RFC 9111 3.2, 4.3.4). */

import { formatHttpDate } from "@neson/kit/http/date";
import { endToEndFields, fieldLines, listMembers, soleField } from "./fields.ts";
import type { StoredResponse } from "./plan.ts";
import { prepare } from "./prepare.ts";

/** A 304 as it came from the origin, with the times of its exchange (milliseconds since 1970). */
export interface NotModified {
  headers: string[];
  requestTimeMs: number;
  responseTimeMs: number;
}

// RFC 9111 3.2: Content-Length is never taken over. The other three tell how the stored bytes are to be read.
const TIED_TO_BYTES = new Set(["content-length", "content-encoding", "content-range", "content-type"]);

/**
 * The stored response as the 304 leaves it (all other properties of `stored` are kept), or undefined when the 304 is about another
 * representation: then nothing may be updated, and the caller fetches anew without conditions (RFC 9111 4.3.4).
 */
export function freshened<T extends StoredResponse>(stored: T, response: NotModified): T | undefined {
  if (!isAbout(stored, response) || variesOtherwise(stored, response)) return undefined;
  return updated(stored, response);
}

/**
 * The stored response as the 200 to a HEAD leaves it (RFC 9111 4.3.5), or undefined when that speaks of other content, or does not say of which: it has
 * to have the stored length, and validators only where they are the stored ones.
 * @param lengths of the stored content, and as the response declares it
 */
export function freshenedByHead<T extends StoredResponse>(
  stored: T,
  response: NotModified,
  lengths: { stored: number; declared: number | undefined },
): T | undefined {
  if (lengths.declared !== lengths.stored || variesOtherwise(stored, response)) return undefined;
  const isSame = (name: string) => {
    const value = soleField(response.headers, name);
    return value === undefined || value === soleField(stored.headers, name);
  };
  return isSame("etag") && isSame("last-modified") ? updated(stored, response) : undefined;
}

function updated<T extends StoredResponse>(stored: T, response: NotModified): T {
  const { requestTimeMs, responseTimeMs } = response;
  const headers = mergedFields(stored.headers, response);
  const received = { status: stored.status, headers, requestTimeMs, responseTimeMs };
  return { ...stored, ...received, facts: prepare(received) };
}

/** RFC 9111 4.3.4: strong validators must be equal; weak ones must correspond; a 304 without any speaks of what was asked about. */
function isAbout(stored: StoredResponse, response: NotModified): boolean {
  const etag = soleField(response.headers, "etag");
  if (etag !== undefined) {
    const known = soleField(stored.headers, "etag");
    if (known === undefined) return false;
    return etag.startsWith("W/") ? opaque(etag) === opaque(known) : etag === known;
  }
  const lastModified = soleField(response.headers, "last-modified");
  return lastModified === undefined || lastModified === soleField(stored.headers, "last-modified");
}

/** The 304 names other selecting fields than what it confirms: that may no longer be the right one. */
function variesOtherwise(stored: StoredResponse, response: NotModified): boolean {
  const lines = fieldLines(response.headers, "vary");
  if (lines.length === 0) return false;
  const names = new Set(listMembers(lines));
  const former = new Set(listMembers(fieldLines(stored.headers, "vary")));
  return names.size !== former.size || [...former].some((name) => !names.has(name));
}

/** RFC 9110 8.8.3.2: weak comparison. */
function opaque(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

/** RFC 9111 3.2: each field of the 304 replaces the stored ones of its name, in place where there are any. */
function mergedFields(stored: readonly string[], response: NotModified): string[] {
  const fresh = endToEndFields(response.headers).filter((_, i, all) => {
    return !TIED_TO_BYTES.has((all[i - (i % 2)] ?? "").toLowerCase());
  });
  const replaced = new Set(fresh.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  // The 304 is younger than what it confirms: Age and Date of the old exchange say nothing about it (RFC 9111 4.2.3).
  if (!replaced.has("date")) fresh.push("Date", formatHttpDate(response.responseTimeMs));
  replaced.add("age").add("date");
  const kept: string[] = [];
  for (let i = 0; i + 1 < stored.length; i += 2) {
    const name = stored[i] ?? "";
    if (!replaced.has(name.toLowerCase())) kept.push(name, stored[i + 1] ?? "");
  }
  return [...kept, ...fresh];
}
