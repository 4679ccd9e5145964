import type { Answer, Headers } from "@neson/kit/http/answer";
import { cacheStatus } from "../policy/cache-status.ts";
import type { CorsRule } from "../sites/rewrite-settings.ts";
import { type Refusal, refusalAnswer } from "./refusal.ts";

/** Characters of Access-Control-Request-Headers that are sent back; browsers name a few fields. */
const MAX_REQUESTED_CHARS = 4096;
const MAX_ORIGIN_CHARS = 300;
const FIELD_NAMES = /^[!#$%&'*+.^_`|~0-9a-z-]+(\s*,\s*[!#$%&'*+.^_`|~0-9a-z-]+)*$/i;

/** Whether a page of that origin (RFC 6454 serialisation) may read answers. "null" is an origin that anyone can have, so it never may by name. */
export function allowsOrigin({ origins }: CorsRule, origin: string): boolean {
  if (origin.length > MAX_ORIGIN_CHARS) return false;
  return origins.some((allowed) => allowed === "*" || allowed === origin || isBelow(allowed, origin));
}

/** "https://*.example.com" takes every host below example.com, not example.com itself, and neither another scheme nor another port. */
function isBelow(allowed: string, origin: string): boolean {
  const star = allowed.indexOf("*");
  if (star <= 0) return false;
  const scheme = allowed.slice(0, star);
  const rest = allowed.slice(star + 1);
  if (!origin.startsWith(scheme) || !origin.endsWith(rest)) return false;
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(origin.slice(scheme.length, -rest.length));
}

/** Whether what is sent depends on who asks. */
function isForAll({ origins, credentials }: CorsRule): boolean {
  return origins.includes("*") && !credentials;
}

/** Whether a page of this request's origin sends credentials along, so that only the host it asked may answer (a redirect makes its origin "null"). */
export function hasCredentials(rules: readonly (CorsRule | undefined)[], origin: string | undefined): boolean {
  return origin !== undefined && rules.some((rule) => rule?.credentials === true);
}

/**
 * An answer's fields with this rule's permission for the request's origin in place of whatever the origin server said about pages. Put on when an answer
 * leaves, so what is stored never holds one client's permission. Several rules: a permission needs all of them.
 */
export function withCors(
  headers: Headers,
  rules: readonly (CorsRule | undefined)[],
  origin: string | undefined,
): Headers {
  const [rule] = rules;
  if (rule === undefined && rules.length <= 1) return headers;
  const dressed = withoutCors(headers);
  if (rule === undefined || rules.length > 1) return varyBy(dressed, "Origin");
  if (isForAll(rule)) dressed.push("Access-Control-Allow-Origin", "*");
  else {
    varyBy(dressed, "Origin");
    if (origin === undefined || !allowsOrigin(rule, origin)) return dressed;
    dressed.push("Access-Control-Allow-Origin", origin);
    if (rule.credentials) dressed.push("Access-Control-Allow-Credentials", "true");
  }
  if (rule.exposeHeaders.length > 0) dressed.push("Access-Control-Expose-Headers", rule.exposeHeaders.join(", "));
  return dressed;
}

/** What asks for a preflight answer: the Fetch standard's CORS-preflight request. */
export interface Preflight {
  origin: string;
  method: string;
  requestedHeaders: string | undefined;
}

const PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/** The answer to a preflight: what pages of that origin may send, or a refusal. */
export function preflightAnswer(rule: CorsRule | undefined, preflight: Preflight): Answer {
  const refusal = judge(rule, preflight);
  if (rule === undefined || refusal !== undefined) {
    return refusalAnswer({ ...(refusal ?? notAllowed("origin")), headers: ["Vary", PREFLIGHT_VARY] });
  }
  const { requestedHeaders } = preflight;
  const asAsked = rule.requestHeaders.includes("*") ? requestedHeaders : rule.requestHeaders.join(", ");
  const headers = [
    ...["Access-Control-Allow-Origin", isForAll(rule) ? "*" : preflight.origin],
    ...["Access-Control-Allow-Methods", rule.methods.join(", ")],
    ...(asAsked === undefined || asAsked === "" ? [] : ["Access-Control-Allow-Headers", asAsked]),
    ...(rule.credentials ? ["Access-Control-Allow-Credentials", "true"] : []),
    ...["Access-Control-Max-Age", String(rule.maxAgeSeconds), "Vary", PREFLIGHT_VARY],
    ...["Cache-Control", "no-store", "Cache-Status", cacheStatus({ hit: false, fwd: "bypass", detail: "preflight" })],
  ];
  return { status: 204, headers, body: null };
}

function judge(rule: CorsRule | undefined, { origin, method, requestedHeaders = "" }: Preflight): Refusal | undefined {
  if (rule === undefined || !allowsOrigin(rule, origin)) return notAllowed("origin");
  if (!rule.methods.includes(method)) return notAllowed("method");
  if (requestedHeaders === "") return undefined;
  const isReadable = requestedHeaders.length <= MAX_REQUESTED_CHARS && FIELD_NAMES.test(requestedHeaders);
  if (!isReadable) return notAllowed("header");
  if (rule.requestHeaders.includes("*")) return undefined;
  const allowed = new Set(rule.requestHeaders.map((name) => name.toLowerCase()));
  const isAllowed = requestedHeaders.split(",").every((name) => allowed.has(name.trim().toLowerCase()));
  return isAllowed ? undefined : notAllowed("header");
}

function notAllowed(what: "origin" | "method" | "header"): Refusal {
  return { status: 403, line: `this site does not let other pages ask so (${what})`, reason: `cors-${what}` };
}

function withoutCors(headers: Headers): Headers {
  const kept: Headers = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (!name.toLowerCase().startsWith("access-control-")) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}

/** Adds a name to Vary, unless it is there or everything is (RFC 9110 12.5.5). Changes the list it is given. */
function varyBy(headers: Headers, name: string): Headers {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if ((headers[i] ?? "").toLowerCase() !== "vary") continue;
    const members = (headers[i + 1] ?? "").split(",").map((member) => member.trim().toLowerCase());
    if (members.includes("*") || members.includes(name.toLowerCase())) return headers;
  }
  headers.push("Vary", name);
  return headers;
}
