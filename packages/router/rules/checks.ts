import { networkOf } from "@neson/kit/address";
import type { EdgeRequest } from "@neson/kit/http/answer";
import type { Locate } from "../geo/locate.ts";
import type { Site } from "../sites/site.ts";
import type { CompiledRules } from "./compiled.ts";
import { eitherMatches, firstRules, type Paths } from "./paths.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { allowsReferrer } from "./referrers.ts";
import type { Refusal } from "./refusal.ts";

/** A request about which a site's rules are asked. */
export interface Question {
  /** With the client's own address, and without a signature in its target. */
  request: EdgeRequest;
  paths: Paths;
  site: Site;
  rules: CompiledRules;
  nowMs: number;
  locate: Locate;
  limiter: RateLimiter;
}

/** One reason to refuse; undefined when there is none. */
type Check = (question: Question) => Refusal | undefined;

/** What is asked before anything else, the cheapest first, rate limits before whatever costs more. */
export const ENTRANCE_CHECKS: readonly Check[] = [checkAddress, checkMaintenance, checkRate, checkCountry];
/** What is asked of requests that were neither preflights nor sent elsewhere. */
export const CONTENT_CHECKS: readonly Check[] = [checkReferrer, checkBody];

/** The first refusal of several checks. */
export function firstRefusal(checks: readonly Check[], question: Question): Refusal | undefined {
  for (const check of checks) {
    const refusal = check(question);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** RFC 9110 15.5.6. */
export function checkMethod({ request, rules }: Question): Refusal | undefined {
  const { methods } = rules;
  if (methods === undefined || methods.has(request.method)) return undefined;
  const line = `this site does not take ${request.method.slice(0, 20)} requests`;
  return { status: 405, line, reason: "method", headers: ["Allow", [...methods].join(", ")] };
}

function checkMaintenance({ site, rules, request }: Question): Refusal | undefined {
  const { maintenance } = site.access;
  if (maintenance === undefined || rules.maintainers.has(request.remoteAddress)) return undefined;
  const headers = ["Retry-After", String(maintenance.retryAfterSeconds)];
  return { status: 503, line: maintenance.text, reason: "maintenance", headers };
}

function checkAddress({ rules, request, paths }: Question): Refusal | undefined {
  if (rules.addresses.length === 0) return undefined;
  const isAllowed = firstRules(rules.addresses, paths).every((rule) => rule?.isAllowed(request.remoteAddress) ?? true);
  if (isAllowed) return undefined;
  return { status: 403, line: "this site is not open to your address", reason: "address" };
}

/** Every limit whose path matches counts, and a request that one of them stops still counts in those before it. */
function checkRate({ rules, request, paths, nowMs, limiter }: Question): Refusal | undefined {
  if (rules.rateLimits.length === 0) return undefined;
  const network = networkOf(request.remoteAddress);
  for (const { matches, rate, key } of rules.rateLimits) {
    if (!eitherMatches(matches, paths)) continue;
    const waitMs = limiter.take(`${key} ${network}`, rate, nowMs);
    if (waitMs === 0) continue;
    // RFC 6585 4, RFC 9110 10.2.3: whole seconds, so never too early.
    const headers = ["Retry-After", String(Math.ceil(waitMs / 1000))];
    return { status: 429, line: "too many requests from your network; come back later", reason: "rate", headers };
  }
  return undefined;
}

function checkCountry({ rules, request, paths, locate }: Question): Refusal | undefined {
  if (rules.countries.length === 0) return undefined;
  const found = firstRules(rules.countries, paths);
  if (found.every((rule) => rule === undefined)) return undefined;
  const { country } = locate(request.remoteAddress);
  if (found.every((rule) => rule?.isAllowed(country) ?? true)) return undefined;
  return { status: 403, line: "this is not available in your country", reason: "country" };
}

function checkReferrer({ rules, request, paths, site }: Question): Refusal | undefined {
  if (rules.referrers.length === 0) return undefined;
  const { referer } = request.headers;
  const isAllowed = firstRules(rules.referrers, paths).every(
    (rule) => rule === undefined || allowsReferrer(rule, referer, site.hosts),
  );
  return isAllowed ? undefined : { status: 403, line: "other websites may not embed this", reason: "referrer" };
}

/** RFC 9110 15.5.14. A body without a stated length is held to the same number while it is sent on. */
function checkBody({ site, request }: Question): Refusal | undefined {
  const { maxBodyBytes } = site.access;
  const length = Number(request.headers["content-length"] ?? 0);
  if (maxBodyBytes === undefined || length <= maxBodyBytes) return undefined;
  return { status: 413, line: `this site takes at most ${maxBodyBytes} bytes`, reason: "body-size" };
}
