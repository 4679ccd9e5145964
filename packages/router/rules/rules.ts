import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import type { Locate } from "../geo/locate.ts";
import type { Site } from "../sites/site.ts";
import { CONTENT_CHECKS, checkMethod, ENTRANCE_CHECKS, firstRefusal, type Question } from "./checks.ts";
import { clientBehind, type ProxiedClient, type TrustedProxies } from "./client-address.ts";
import { compiledRulesOf } from "./compiled.ts";
import { hasCredentials, preflightAnswer, withCors } from "./cors.ts";
import { elsewhere } from "./elsewhere.ts";
import { editedHeaders, requestChanges } from "./header-edits.ts";
import { eitherMatches, firstRules, pathsOf } from "./paths.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { type Refusal, refusalAnswer } from "./refusal.ts";
import { judgeSignature, narrowed } from "./signed-access.ts";
import { splitSignature } from "./url-signature.ts";
import { type RequestChanges, ViewedRequest } from "./viewed-request.ts";

/** A request on its way, as far as rules need it. */
export interface RuledExchange {
  readonly request: EdgeRequest;
  readonly site: Site;
  readonly nowMs: number;
  readonly trace: { step(text: string): void };
}

/** What rules made of a request. */
export interface Screened {
  /** What the rest of the Router sees instead of the request that came. */
  request: EdgeRequest;
  /** The answer, if rules give it: a refusal, a redirect, or one to a preflight. It needs no dressing. */
  answer?: Answer;
  /** Where a Terminal sends the client back to, when that is not the request's target. */
  returnTarget?: string;
  /** The Router must answer itself, whatever the delivery rules say. */
  isRouterOnly?: boolean;
}

/** A site's rules at work. */
export interface Rules {
  /** Right after the site was found. Undefined: nothing to change. */
  screen(x: RuledExchange): Screened | undefined;
  /** A request of the site's owner, as its origin is to get it: nobody has to be let in, nothing is answered here. */
  forOwner(request: EdgeRequest, site: Site): EdgeRequest;
  /** Puts the site's fields on an answer that is about to leave. */
  dress(x: RuledExchange, answer: Answer): Answer;
}

/** Settings that are not a site's. */
export interface RulesOptions {
  /** How viewers reach this Router, unless a trusted proxy says otherwise. */
  edgeScheme: "http" | "https";
  trustedProxies?: TrustedProxies | undefined;
}

/** Client networks times limits that are kept in mind, at most about 30 MB. */
const MAX_BUCKETS = 100_000;

/** Rules of all sites, with one memory of how often clients came. A site without rules costs a lookup. */
export function createRules({ edgeScheme, trustedProxies }: RulesOptions, { locate }: { locate: Locate }): Rules {
  const limiter = new RateLimiter({ maxBuckets: MAX_BUCKETS });
  return {
    screen: (x) => {
      const rules = compiledRulesOf(x.site);
      const proxied = trustedProxies === undefined ? undefined : clientBehind(x.request, trustedProxies);
      if (!rules.screens && proxied === undefined) return undefined;
      const changes: RequestChanges = proxied === undefined ? {} : proxiedChanges(proxied);
      if (!rules.screens) return { request: new ViewedRequest(x.request, changes) };
      return screen(x, { changes, statedScheme: proxied?.scheme, edgeScheme, locate, limiter });
    },
    forOwner: (request, site) => {
      const { without, forOrigin } = requestChanges(editsFor(compiledRulesOf(site), pathsOf(request.target)));
      return without.size + forOrigin.length === 0 ? request : new ViewedRequest(request, { without, forOrigin });
    },
    dress: dressed,
  };
}

function proxiedChanges({ address, claimed }: ProxiedClient): RequestChanges {
  return {
    remoteAddress: address,
    without: new Set(["x-forwarded-for", "forwarded"]),
    ...(claimed === "" ? {} : { instead: ["X-Forwarded-For", claimed] }),
  };
}

interface Surroundings extends Pick<Question, "locate" | "limiter"> {
  changes: RequestChanges;
  statedScheme: "http" | "https" | undefined;
  edgeScheme: "http" | "https";
}

function screen(
  x: RuledExchange,
  { changes, statedScheme, edgeScheme, locate, limiter }: Surroundings,
): Screened | undefined {
  const { site, nowMs } = x;
  const rules = compiledRulesOf(site);
  const split = site.access.signing === undefined ? unsigned(x.request) : splitSignature(x.request.target);
  if (split === "several")
    return refuse(x, { status: 403, line: "the URL has several signatures", reason: "signature-several" });
  const { target, signature } = split;
  const isSame = target === x.request.target && changes.remoteAddress === undefined;
  const request = isSame ? x.request : new ViewedRequest(x.request, { ...changes, target });
  const question: Question = { request, paths: pathsOf(target), site, rules, nowMs, locate, limiter };
  const seen = { ...x, request };
  const early = firstRefusal(ENTRANCE_CHECKS, question);
  if (early !== undefined) return refuse(seen, early);
  const preflight = preflightOf(question);
  if (preflight !== undefined) {
    x.trace.step("rules: preflight");
    return { request, answer: preflight };
  }
  const refusal = checkMethod(question);
  if (refusal !== undefined) return refuse(seen, refusal);
  const redirect = elsewhere({ request, site, statedScheme, edgeScheme, fullTarget: x.request.target });
  if (redirect !== undefined) {
    x.trace.step("rules: redirect");
    return { request, answer: dressed(seen, redirect) };
  }
  const signed = checkSignature(question, x.trace, signature);
  if (signed !== undefined && "status" in signed) return refuse(seen, signed);
  const late = firstRefusal(CONTENT_CHECKS, question);
  if (late !== undefined) return refuse(seen, late);
  return letThrough(x.request, question, { ...changes, target }, signed);
}

function unsigned({ target }: EdgeRequest) {
  return { target, signature: undefined };
}

function refuse(x: RuledExchange, refusal: Refusal): Screened {
  x.trace.step(`rules: refused (${refusal.reason})`);
  return { request: x.request, answer: dressed(x, refusalAnswer(refusal)) };
}

function preflightOf({ request, rules, paths }: Question): Answer | undefined {
  if (request.method !== "OPTIONS" || rules.cors.length === 0) return undefined;
  const { origin, "access-control-request-method": method } = request.headers;
  const requestedHeaders = request.headers["access-control-request-headers"];
  if (origin === undefined || method === undefined) return undefined;
  const found = firstRules(rules.cors, paths);
  if (found.every((rule) => rule === undefined)) return undefined;
  const rule = found.length === 1 ? found[0] : undefined;
  return preflightAnswer(rule, { origin, method, requestedHeaders });
}

function checkSignature(
  { request, paths, site, rules, nowMs }: Question,
  trace: RuledExchange["trace"],
  signature: string | undefined,
): Refusal | { returnTarget: string } | undefined {
  const { signing } = site.access;
  if (signing === undefined || !rules.signedPaths.some(({ matches }) => eitherMatches(matches, paths)))
    return undefined;
  const { method, target, remoteAddress: clientAddress } = request;
  const verdict = judgeSignature({ method, target, paths, signature, clientAddress, nowMs }, signing);
  if ("status" in verdict) return verdict;
  trace.step(`rules: signed with key ${verdict.key.id}`);
  return { returnTarget: narrowed(target, verdict) };
}

/** The request as the rest of the Router and the origin see it; undefined when that is just as it came. */
function editsFor({ requestEdits }: Question["rules"], paths: Question["paths"]) {
  return requestEdits.filter(({ matches }) => eitherMatches(matches, paths)).map(({ edit }) => edit);
}

function letThrough(
  original: EdgeRequest,
  { rules, paths, request }: Question,
  changes: RequestChanges,
  signed: { returnTarget: string } | undefined,
): Screened | undefined {
  const { without, forOrigin } = requestChanges(editsFor(rules, paths));
  for (const name of changes.without ?? []) without.add(name);
  const cors = rules.cors.length === 0 ? [undefined] : firstRules(rules.cors, paths);
  const { origin, upgrade } = request.headers;
  // Permissions are given here, so the origin has no reason to make its answers differ by who asks.
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (origin !== undefined && isRead && upgrade === undefined && cors.some((rule) => rule !== undefined))
    without.add("origin");
  const isRouterOnly = hasCredentials(cors, origin);
  const hasEdits = without.size > 0 || forOrigin.length > 0;
  const seen = hasEdits ? new ViewedRequest(original, { ...changes, without, forOrigin }) : request;
  if (seen === original && !isRouterOnly) return undefined;
  return { request: seen, ...signed, ...(isRouterOnly ? { isRouterOnly } : {}) };
}

function dressed(x: RuledExchange, answer: Answer): Answer {
  const rules = compiledRulesOf(x.site);
  // An interim status or a tunnel has no fields that a page could see.
  if (!rules.dresses || answer.status < 200) return answer;
  const { request } = x;
  const paths = pathsOf(request.target);
  const arrived = request instanceof ViewedRequest ? request.original : request;
  let { headers } = answer;
  if (rules.cors.length > 0) headers = withCors(headers, firstRules(rules.cors, paths), arrived.headers.origin);
  const edits = rules.responseEdits.filter(({ matches }) => eitherMatches(matches, paths)).map(({ edit }) => edit);
  if (edits.length > 0) headers = editedHeaders(headers, edits);
  return headers === answer.headers ? answer : { ...answer, headers };
}
