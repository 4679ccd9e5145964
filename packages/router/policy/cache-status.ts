/** The Cache-Status field (RFC 9211). Written by hand, since every answer has one; the tests hold it against a parser. */

/** RFC 9211 2.2: why a request went forward. */
export type ForwardReason = "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | "partial";

/** What happened to the request in this cache. */
export type CacheOutcome =
  | { hit: true /** Freshness left, seconds; negative when stale. */; ttl: number; detail?: string }
  | {
      hit: false;
      fwd: ForwardReason;
      /** The origin's status, when it is not the one that is sent. */
      fwdStatus?: number;
      ttl?: number;
      stored?: boolean;
      collapsed?: boolean;
      detail?: string;
    };

/** This cache's name in the list. */
export const CACHE_NAME = "NESON";

/** The value of Cache-Status, such as `NESON; hit; ttl=30` or `NESON; fwd=uri-miss; stored; collapsed`. */
export function cacheStatus(outcome: CacheOutcome): string {
  // RFC 9211 2.1: hit and fwd exclude each other.
  let value = outcome.hit ? `${CACHE_NAME}; hit` : `${CACHE_NAME}; fwd=${outcome.fwd}`;
  if (!outcome.hit && outcome.fwdStatus !== undefined) value += `; fwd-status=${outcome.fwdStatus}`;
  if (outcome.ttl !== undefined) value += `; ttl=${outcome.ttl}`;
  if (!outcome.hit && outcome.stored === true) value += "; stored";
  if (!outcome.hit && outcome.collapsed === true) value += "; collapsed";
  if (outcome.detail !== undefined) value += `; detail=${structuredString(outcome.detail)}`;
  return value;
}

/** RFC 8941 3.3.3: printable ASCII in quotes; what is not printable is dropped. */
function structuredString(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&")}"`;
}
