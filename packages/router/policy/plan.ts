/**
 * What the edge does with a request, given what is stored for it: one pure function, RFC 9111 sections 3.5, 4 and 5.
 *
 * How the files of this folder fit together (none reads a clock, the disk or the network; times are arguments):
 *   1. A response comes from the origin      → `storable(request, received, options)` says whether it may be kept and shared.
 *   2. It is kept                            → `prepare(received)` parses its fields ONCE into frozen `ResponseFacts`, which do not
 *                                              depend on settings; keep them as `facts` beside the entry, in memory (cheap to
 *                                              rebuild: do not put them in the database). `varyOf()` gives its `vary`.
 *   3. A request comes                       → `cacheKeyOf()` and `selectVariant()` pick the entry, `plan()` judges it from `facts` and
 *                                              the site's options alone: no header of the stored response is parsed again, so a
 *                                              fresh hit costs < 1 µs.
 *   4. The plan was "revalidate" and the origin said 304 → `freshened()` gives the entry that replaces the old one. A hit with
 *                                              `renewal` is answered at once and does the same behind the client's back.
 *
 * `Plan` is closed: switch on `kind`, and end with an impossible default. New variants of a decision arrive as new optional
 * facts on a kind, or as new reasons; callers that do not know a reason treat it like its kind.
 */
import { NO_REQUEST_DIRECTIVES, type RequestDirectives, requestDirectives } from "./cache-control.ts";
import { ageMs } from "./freshness.ts";
import {
  DEFAULT_POLICY,
  lifetimeOf,
  type PolicyOptions,
  staleIfErrorSecondsOf,
  staleWhileRevalidateSecondsOf,
} from "./options.ts";
import type { ResponseFacts } from "./prepare.ts";
import type { RequestHeaders } from "./vary.ts";

/** The request as far as caching is concerned. `headers` has lower-case names, as node:http gives them. */
export interface PolicyRequest {
  method: string;
  headers: RequestHeaders;
}

/** A stored response as policy sees it. `headers` is flat: name, value, name, value… */
export interface StoredResponse {
  status: number;
  headers: string[];
  /** When the request that brought it was sent, and when its header section had arrived (milliseconds since 1970). */
  requestTimeMs: number;
  responseTimeMs: number;
  /** The selecting fields and the values its request had for them; null = the request had no such field. */
  vary: [string, string | null][];
  /** `prepare()` of the above. */
  facts: ResponseFacts;
}

/** Answer from the store. `freshSeconds` is what is left of its freshness; ≤ 0 when `stale`. */
export interface HitPlan {
  kind: "hit";
  ageSeconds: number;
  freshSeconds: number;
  /** True when the client allowed a stale answer (max-stale), or the response allows it while it is renewed. */
  stale: boolean;
  /** Present: after answering, ask the origin whether it still holds, once for all who come meanwhile (RFC 5861 3). Fields as in RevalidatePlan. */
  renewal?: { conditions: string[] };
}

/**
 * Ask the origin with a GET whether the stored response still holds.
 * 304 → `freshened()`; 5xx or no answer → the stored response may be used if `staleOnErrorSeconds > 0`; else the answer replaces it.
 */
export interface RevalidatePlan {
  kind: "revalidate";
  /** Fields to add to the origin request, flat; the client's own conditions must not be forwarded. Empty = no validator is known. */
  conditions: string[];
  ageSeconds: number;
  freshSeconds: number;
  /** For so many seconds from now the stored response may stand in for an error; 0 = never (must-revalidate and kin: send 504). */
  staleOnErrorSeconds: number;
  /** For Cache-Status (RFC 9211 2.2). */
  fwd: "stale" | "request";
  /** True: neither lead nor join a shared flight, the request carries credentials. */
  alone: boolean;
}

/** Nothing usable is stored: fetch with a GET, and keep the answer if `storable()`. */
export interface MissPlan {
  kind: "miss";
  /** Present: the client forbade the fetch, answer 504 (RFC 9111 5.2.1.7). */
  forbidden?: "only-if-cached";
  /** For Cache-Status; a caller that knows more may say uri-miss or vary-miss. */
  fwd: "miss" | "stale" | "request";
  /** True: neither lead nor join a shared flight, the request carries credentials. */
  alone: boolean;
}

/** Forward as it is, once, for this client alone; store nothing. After "head-stale", `freshenedByHead()` may update what is stored. */
export interface PassPlan {
  kind: "pass";
  reason: "method" | "head-unstored" | "head-stale" | "request-no-store" | "authorization";
  /** For Cache-Status (RFC 9211 2.2). */
  fwd: "method" | "bypass" | "request" | "miss" | "stale";
}

/** The decision. */
export type Plan = HitPlan | RevalidatePlan | MissPlan | PassPlan;

const PASS_METHOD: PassPlan = Object.freeze({ kind: "pass", reason: "method", fwd: "method" });
const PASS_HEAD: PassPlan = Object.freeze({ kind: "pass", reason: "head-unstored", fwd: "miss" });
const PASS_HEAD_STALE: PassPlan = Object.freeze({ kind: "pass", reason: "head-stale", fwd: "stale" });
const PASS_NO_STORE: PassPlan = Object.freeze({ kind: "pass", reason: "request-no-store", fwd: "request" });
const PASS_AUTHORIZATION: PassPlan = Object.freeze({ kind: "pass", reason: "authorization", fwd: "bypass" });
const MISS: MissPlan = Object.freeze({ kind: "miss", fwd: "miss", alone: false });
const MISS_ALONE: MissPlan = Object.freeze({ kind: "miss", fwd: "miss", alone: true });

/**
 * Decides what to do with a request (RFC 9111 4). Never throws.
 * @param stored the entry that `selectVariant()` picked, or undefined
 * @param nowMs milliseconds since 1970
 */
export function plan(
  request: PolicyRequest,
  stored: StoredResponse | undefined,
  nowMs: number,
  options: PolicyOptions = DEFAULT_POLICY,
): Plan {
  // RFC 9111 4: the stored response must have been got by a method that allows reuse for this one. Only GET is stored; it serves
  // HEAD too (RFC 9110 9.3.2). Every other method goes through (RFC 9111 4: write-through of unsafe methods).
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") return PASS_METHOD;
  const cacheControl = headers["cache-control"];
  const pragma = headers.pragma;
  const wish =
    cacheControl === undefined && pragma === undefined
      ? NO_REQUEST_DIRECTIVES
      : requestDirectives(cacheControl, pragma);
  const authorized = headers.authorization !== undefined;
  if (stored === undefined) return planUnstored(method, wish, authorized);

  // RFC 9111 3.5. Stricter than its letter: without public, must-revalidate or s-maxage a response got by anyone is not given to
  // a request with credentials either, since an origin that forgets Vary: Authorization would show strangers' pages to members.
  const { facts } = stored;
  if (authorized && !facts.allowsAuthorization) {
    return wish.onlyIfCached ? forbidden("request") : PASS_AUTHORIZATION;
  }

  const nowAgeMs = ageMs(facts, nowMs);
  const ageSeconds = Math.floor(nowAgeMs / 1000);
  const lifetimeSeconds = lifetimeOf(facts, options);
  const freshSeconds = lifetimeSeconds - ageSeconds;
  // RFC 9111 4.2: fresh = lifetime > age; 5.2.2.4: no-cache forbids reuse without validation however fresh.
  const fresh = !facts.alwaysValidate && lifetimeSeconds * 1000 > nowAgeMs;
  if (wish === NO_REQUEST_DIRECTIVES && fresh) return { kind: "hit", ageSeconds, freshSeconds, stale: false };
  const isAccepted = accepts(facts, wish, fresh, ageSeconds, freshSeconds);
  if (isAccepted && (fresh || isWithinMaxStale(facts, wish, freshSeconds))) {
    return { kind: "hit", ageSeconds, freshSeconds, stale: !fresh };
  }
  // RFC 5861 3. With credentials or no-store it would have to be renewed by a request that nobody else may profit from.
  const isRenewable = isAccepted && !fresh && !authorized && !wish.noStore;
  if (isRenewable && isWithin(staleWhileRevalidateSecondsOf(facts, options), freshSeconds)) {
    return { kind: "hit", ageSeconds, freshSeconds, stale: true, renewal: { conditions: conditionsOf(facts) } };
  }
  const fwd = fresh ? "request" : "stale";
  if (wish.onlyIfCached) return forbidden(fwd);
  // RFC 9111 5.2.1.5: nothing of the answer may be kept, not even as an update of what is stored.
  if (wish.noStore) return PASS_NO_STORE;
  const conditions = conditionsOf(facts);
  // RFC 9111 4.3.5: without a validator a GET would fetch all of the content for a client that wants none.
  if (method === "HEAD" && conditions.length === 0 && !fresh) return PASS_HEAD_STALE;
  const pastSeconds = Math.min(0, freshSeconds);
  return {
    kind: "revalidate",
    conditions,
    ageSeconds,
    freshSeconds,
    staleOnErrorSeconds: Math.max(0, staleIfErrorSecondsOf(facts, options) + pastSeconds),
    fwd,
    alone: authorized,
  };
}

function planUnstored(method: string, wish: RequestDirectives, authorized: boolean): Plan {
  // RFC 9111 5.2.1.7: only-if-cached gets a stored response or a 504.
  if (wish.onlyIfCached) return forbidden("miss");
  // RFC 9111 5.2.1.5.
  if (wish.noStore) return PASS_NO_STORE;
  // A HEAD brings no body to store.
  if (method === "HEAD") return PASS_HEAD;
  return authorized ? MISS_ALONE : MISS;
}

function forbidden(fwd: MissPlan["fwd"]): MissPlan {
  return { kind: "miss", forbidden: "only-if-cached", fwd, alone: true };
}

/** Whether the request's own directives (RFC 9111 5.2.1) accept the stored response without asking the origin, its staleness apart. */
function accepts(
  facts: ResponseFacts,
  wish: RequestDirectives,
  fresh: boolean,
  ageSeconds: number,
  freshSeconds: number,
): boolean {
  // 5.2.1.4 no-cache; 5.4 Pragma stands for it when there is no Cache-Control.
  if (wish.noCache) return false;
  // 5.2.1.1 max-age; 0 asks for the same as no-cache. RFC 8246 2: what cannot have changed need not be asked for again by a reload.
  if (wish.maxAgeSeconds !== undefined && !(facts.isImmutable && fresh)) {
    if (wish.maxAgeSeconds === 0 || ageSeconds > wish.maxAgeSeconds) return false;
  }
  // 5.2.1.3 min-fresh.
  return wish.minFreshSeconds === undefined || freshSeconds >= wish.minFreshSeconds;
}

/** 5.2.1.2 max-stale, unless the response forbids stale answers (4.2.4). */
function isWithinMaxStale(facts: ResponseFacts, wish: RequestDirectives, freshSeconds: number): boolean {
  return wish.maxStaleSeconds !== undefined && facts.allowsStale && -freshSeconds <= wish.maxStaleSeconds;
}

/** Whether a response became stale no longer ago than is allowed. */
function isWithin(allowedSeconds: number, freshSeconds: number): boolean {
  return allowedSeconds > 0 && freshSeconds <= 0 && -freshSeconds <= allowedSeconds;
}

/** RFC 9111 4.3.1: every validator that is known goes along. */
function conditionsOf(facts: ResponseFacts): string[] {
  const conditions: string[] = [];
  if (facts.etag !== undefined) conditions.push("If-None-Match", facts.etag);
  if (facts.lastModified !== undefined) conditions.push("If-Modified-Since", facts.lastModified);
  return conditions;
}
