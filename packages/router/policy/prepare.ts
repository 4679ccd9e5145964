/** A stored response's fields, parsed once, so that planning a hit parses nothing. */

import { parseHttpDate } from "@neson/kit/http/date";
import { type Directives, parseCacheControl, secondsOf } from "./cache-control.ts";
import { fieldLines, soleField } from "./fields.ts";
import {
  freshnessLifetimeSeconds,
  heuristicLifetimeSeconds,
  initialAgeMs,
  type ReceivedResponse,
} from "./freshness.ts";
import type { PolicyOptions } from "./plan.ts";
import { isHeuristicallyCacheable } from "./statuses.ts";

/** What `plan()` knows of a stored response. Frozen: shared by all requests for it. */
export interface ResponseFacts {
  /** RFC 9111 4.2.1; 0 when the origin stated none, or what it stated is invalid. */
  readonly lifetimeSeconds: number;
  /** RFC 9111 4.2.3 corrected_initial_age. */
  readonly initialAgeMs: number;
  readonly responseTimeMs: number;
  /** RFC 9111 5.2.2.4: every use needs the origin's consent. */
  readonly alwaysValidate: boolean;
  /** RFC 9111 4.2.4: nothing in the response forbids stale answers to clients that allow them. */
  readonly allowsStale: boolean;
  /** RFC 5861 4: seconds past freshness during which it may stand in for an error; 0 = never. */
  readonly staleOnErrorSeconds: number;
  /** RFC 9111 3.5: may answer requests that carry Authorization. */
  readonly allowsAuthorization: boolean;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** Parses the fields of a response that is about to be stored, or was read back from the database. Never throws. */
export function prepare(response: ReceivedResponse, options: PolicyOptions): ResponseFacts {
  const directives = parseCacheControl(fieldLines(response.headers, "cache-control"));
  const stated = freshnessLifetimeSeconds(response, directives);
  const mayGuess = stated === undefined && (isHeuristicallyCacheable(response.status) || directives.has("public"));
  const guessed = mayGuess ? heuristicLifetimeSeconds(response, options.heuristicFraction) : undefined;
  // RFC 9111 5.2.2.4: the form that lists fields is taken as the plain one, which is allowed and safe.
  const alwaysValidate = directives.has("no-cache");
  const allowsStale = !alwaysValidate && !forbidsStale(directives);
  return Object.freeze({
    lifetimeSeconds: stated ?? guessed ?? 0,
    initialAgeMs: initialAgeMs(response),
    responseTimeMs: response.responseTimeMs,
    alwaysValidate,
    allowsStale,
    staleOnErrorSeconds: allowsStale ? staleIfErrorSeconds(directives, options) : 0,
    allowsAuthorization: allowsAuthorization(directives),
    etag: usableEtag(response.headers),
    lastModified: usableLastModified(response),
  });
}

/** RFC 9111 4.2.4, 5.2.2.2, 5.2.2.8, 5.2.2.10: s-maxage includes proxy-revalidate. */
function forbidsStale(directives: Directives): boolean {
  return directives.has("must-revalidate") || directives.has("proxy-revalidate") || directives.has("s-maxage");
}

/** RFC 9111 3.5: the directives by which an origin lets a shared cache reuse answers to requests with credentials. */
export function allowsAuthorization(directives: Directives): boolean {
  if (directives.has("public") || directives.has("must-revalidate")) return true;
  // A permission that cannot be read is none.
  return typeof secondsOf(directives, "s-maxage") === "number";
}

function staleIfErrorSeconds(directives: Directives, options: PolicyOptions): number {
  const stated = secondsOf(directives, "stale-if-error");
  return stated === "invalid" ? 0 : (stated ?? options.staleIfErrorSeconds);
}

/** RFC 9110 8.8.3. Unquoted tags are common; sent back as they came they work. What could break a field line is dropped. */
function usableEtag(headers: readonly string[]): string | undefined {
  const etag = soleField(headers, "etag");
  return etag !== undefined && /^[\x21-\x7e\x80-\xff]{1,1024}$/.test(etag) ? etag : undefined;
}

/** RFC 9111 4.3.1: sent back verbatim, but only if it is a date. */
function usableLastModified(response: ReceivedResponse): string | undefined {
  const value = soleField(response.headers, "last-modified");
  return value !== undefined && parseHttpDate(value, response.responseTimeMs) !== undefined ? value : undefined;
}
