/** Whether a shared cache may keep a response (RFC 9111 3). */
import { parseCacheControl } from "./cache-control.ts";
import { isDisguised } from "./deception.ts";
import { fieldLines } from "./fields.ts";
import type { ReceivedResponse } from "./freshness.ts";
import { lifetimeOf, type PolicyOptions } from "./options.ts";
import type { PolicyRequest } from "./plan.ts";
import { allowsAuthorization, prepare } from "./prepare.ts";
import { isUnderstood } from "./statuses.ts";
import { governingDirectives } from "./targeted.ts";
import { varyOf } from "./vary.ts";

/** Why a response is not kept. */
export type Unstorable =
  | "method"
  | "request-no-store"
  | "status"
  | "no-store"
  | "private"
  | "authorization"
  | "set-cookie"
  | "vary-star"
  | "disguised"
  | "no-freshness";

/** The verdict. `mayShareWithWaiters`: requests that waited for this answer and match its `vary` may have it too (RFC 9111 4). */
export type Storable = { store: true; mayShareWithWaiters: boolean } | { store: false; reason: Unstorable };

/** The request that a response answers. `target`, where it is known, tells disguised pages apart. */
export interface StorableRequest extends PolicyRequest {
  target?: string;
}

/** Judges a complete response as it came from the origin. Never throws. */
export function storable(request: StorableRequest, response: ReceivedResponse, options: PolicyOptions): Storable {
  const reason = obstacle(request, response, options);
  if (reason !== undefined) return { store: false, reason };
  const facts = prepare(response);
  const lifetimeSeconds = lifetimeOf(facts, options);
  // RFC 9111 3: kept for its freshness, or for a validator with which the next request is cheap. Only a 2xx can be validated
  // (RFC 9110 13.2.1: servers ignore conditions on what would not have been one).
  const validatable = (facts.etag ?? facts.lastModified) !== undefined && [200, 203, 204].includes(response.status);
  const usableUnasked = lifetimeSeconds > 0 && !facts.alwaysValidate;
  if (!usableUnasked && !validatable) return { store: false, reason: "no-freshness" };
  // RFC 9111 4: a shared flight serves those who waited only if the answer could be reused for them. Stale on arrival by the origin's
  // own word cannot; where it said nothing about freshness, one answer for requests made at the same time is fair, unless it may be about
  // the one who asked.
  const staleByWord = !facts.isSilent && lifetimeSeconds * 1000 <= facts.initialAgeMs;
  const { authorization, cookie } = request.headers;
  const personal = authorization !== undefined || (facts.isSilent && cookie !== undefined);
  return { store: true, mayShareWithWaiters: !facts.alwaysValidate && !staleByWord && !personal };
}

function obstacle(
  request: StorableRequest,
  response: ReceivedResponse,
  options: PolicyOptions,
): Unstorable | undefined {
  const { directives } = governingDirectives(response.headers);
  // RFC 9111 3: the method must be understood. A HEAD brings no content to keep.
  if (request.method !== "GET") return "method";
  // 5.2.1.5.
  if (parseCacheControl(request.headers["cache-control"]).has("no-store")) return "request-no-store";
  // 3: final, and no 206 or 304 (3.3 and 4.3.4 have rules of their own for those).
  const { status } = response;
  if (status < 200 || status > 599 || status === 206 || status === 304) return "status";
  // 5.2.2.3 must-understand: an unknown status is not kept at all, a known one despite no-store.
  const mustUnderstand = directives.has("must-understand");
  if (mustUnderstand && !isUnderstood(status)) return "status";
  // 5.2.2.5.
  if (directives.has("no-store") && !mustUnderstand) return "no-store";
  // 5.2.2.7; the form that lists fields is taken as the plain one, which is allowed and safe.
  if (directives.has("private")) return "private";
  // 3.5.
  if (request.headers.authorization !== undefined && !allowsAuthorization(directives)) return "authorization";
  // 7.3: a cookie is meant for one client; nobody who forgot Cache-Control shall share sessions.
  if (options.setCookie === "pass" && fieldLines(response.headers, "set-cookie").length > 0) return "set-cookie";
  // 4.1: a response that varies on * never matches.
  if (varyOf(response.headers, request.headers) === "star") return "vary-star";
  if (options.deceptionGuard && isDisguised(request.target, response)) return "disguised";
  return undefined;
}
