/** A stored response's fields, parsed once, so that planning a hit parses nothing. */

import { parseHttpDate } from "@neson/kit/http/date";
import { type Directives, secondsOf } from "./cache-control.ts";
import { soleField } from "./fields.ts";
import { freshnessLifetimeSeconds, initialAgeMs, type ReceivedResponse, unchangedSeconds } from "./freshness.ts";
import { isHeuristicallyCacheable } from "./statuses.ts";
import { governingDirectives } from "./targeted.ts";

/** What `plan()` knows of a stored response: what its fields say, before its site's settings. Frozen: shared by all requests for it. */
export interface ResponseFacts {
  readonly status: number;
  /** RFC 9111 4.2.1; 0 when the origin stated none, or what it stated is invalid. */
  readonly lifetimeSeconds: number;
  /** True when the origin stated no freshness, valid or not: the site's settings may. */
  readonly isSilent: boolean;
  /** RFC 9111 4.2.2: for a silent response of which freshness may be guessed, the seconds it had not changed for; else 0. */
  readonly unchangedSeconds: number;
  /** RFC 9111 4.2.3 corrected_initial_age. */
  readonly initialAgeMs: number;
  readonly responseTimeMs: number;
  /** RFC 9111 5.2.2.4: every use needs the origin's consent. */
  readonly alwaysValidate: boolean;
  /** RFC 9111 4.2.4: nothing in the response forbids stale answers. */
  readonly allowsStale: boolean;
  /** RFC 5861 4: seconds past freshness during which it may stand in for an error; undefined when the response does not say. */
  readonly staleIfErrorSeconds: number | undefined;
  /** RFC 5861 3: seconds past freshness during which it may answer while it is renewed; undefined when the response does not say. */
  readonly staleWhileRevalidateSeconds: number | undefined;
  /** RFC 8246: while fresh, it does not change. */
  readonly isImmutable: boolean;
  /** RFC 9111 3.5: may answer requests that carry Authorization. */
  readonly allowsAuthorization: boolean;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Its freshness ended then, whatever its fields say: its owner has said so. */
  readonly staleSinceMs?: number | undefined;
}

/** Parses the fields of a response that is about to be stored, or was read back from the database. Never throws. */
export function prepare(response: ReceivedResponse): ResponseFacts {
  const governing = governingDirectives(response.headers);
  const { directives } = governing;
  const stated = freshnessLifetimeSeconds(response, governing);
  const mayGuess = stated === undefined && (isHeuristicallyCacheable(response.status) || directives.has("public"));
  // RFC 9111 5.2.2.4: the form that lists fields is taken as the plain one, which is allowed and safe.
  const alwaysValidate = directives.has("no-cache");
  return Object.freeze({
    status: response.status,
    lifetimeSeconds: stated ?? 0,
    isSilent: stated === undefined,
    unchangedSeconds: mayGuess ? unchangedSeconds(response) : 0,
    initialAgeMs: initialAgeMs(response),
    responseTimeMs: response.responseTimeMs,
    alwaysValidate,
    allowsStale: !alwaysValidate && !forbidsStale(directives),
    staleIfErrorSeconds: permittedSeconds(directives, "stale-if-error"),
    staleWhileRevalidateSeconds: permittedSeconds(directives, "stale-while-revalidate"),
    isImmutable: directives.has("immutable"),
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

function permittedSeconds(directives: Directives, name: string): number | undefined {
  const stated = secondsOf(directives, name);
  return stated === "invalid" ? 0 : stated;
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
