import type { Answer } from "@neson/kit/http/answer";
import { ifRangeHolds, isNotModified, preconditionFails } from "@neson/kit/http/conditional";
import { parseRange } from "@neson/kit/http/range";
import type { CatalogEntry } from "../catalog/entry.ts";
import { mayRedirect } from "../policy/delivery.ts";
import { soleField } from "../policy/fields.ts";
import type { Exchange } from "./exchange.ts";
import type { Prepared } from "./prepared.ts";

const STAYS = "steer: no, the delivery rules keep it here";
const STAYS_ALONE = "steer: no, its status or the request's rules keep it here";

/**
 * Sends the client to a Terminal: 307 with mirrors and digests. Undefined when this Router must answer itself: the site or the request
 * wants it so, a condition is settled here, or no Terminal should be used now. Synchronous and lean: most requests end here.
 */
export function steered(x: Exchange, entry: CatalogEntry, prepared: Prepared, cacheStatus: string): Answer | undefined {
  const { headers, method } = x.request;
  if (entry.status !== 200 || x.isRouterOnly === true || prepared.delivery === "router") {
    x.trace.step(prepared.delivery === "router" ? STAYS : STAYS_ALONE);
    return undefined;
  }
  if (!mayRedirect(prepared.delivery, headers)) {
    x.trace.step("steer: no, the client does not say that it checks digests");
    return undefined;
  }
  if (isForPage(x) && !prepared.isForAnyPage) {
    x.trace.step("steer: no, pages of other origins may not read it from a Terminal");
    return undefined;
  }
  if (headers.authorization !== undefined || isSettledHere(x, entry)) {
    x.trace.step("steer: no, credentials or a condition are settled here");
    return undefined;
  }
  let range: { first: number; last: number } | undefined;
  if (headers.range !== undefined && method === "GET") {
    const asked = rangeOf(x, entry, headers.range);
    if (asked === "several") {
      x.trace.step("steer: no, the ranges are this Router's to answer");
      return undefined;
    }
    range = asked;
  }
  const urls = urlsFor(x, entry, range);
  if (urls === undefined) return undefined;
  x.parts.stats.steered += 1;
  x.trace.step("steer: to a Terminal");
  const answer = ["Location", urls[0] ?? ""];
  for (let i = 1; i < urls.length; i++) answer.push("Link", `<${urls[i]}>; rel=duplicate; pri=${i}`);
  answer.push("Cache-Status", cacheStatus);
  for (const text of prepared.redirect) answer.push(text);
  return { status: 307, headers: answer, body: null };
}

/** Whether a script will read the answer: redirected to another host, it counts as one of no origin (Fetch standard, 4.4 HTTP-redirect fetch). */
function isForPage({ request: { headers } }: Exchange): boolean {
  return headers.origin !== undefined || headers["sec-fetch-mode"] === "cors";
}

/** Where Terminals have the entry, the best first; undefined when none should be used now. */
export function urlsFor(
  { request, returnTarget, site, parts, trace }: Exchange,
  entry: CatalogEntry,
  range: { first: number; last: number } | undefined,
): string[] | undefined {
  if (parts.spendStateOf(site.name) !== "open") {
    trace.step("steer: no, the month's cap is reached");
    return undefined;
  }
  const siteHost = request.host;
  const query = { entry, site, siteHost, target: returnTarget ?? request.target, clientAddress: request.remoteAddress };
  const answer = parts.steering.steer(range === undefined ? query : { ...query, range });
  if (answer === undefined || answer.urls.length === 0) {
    trace.step("steer: no Terminal can be used now");
    return undefined;
  }
  trace.terminalId = answer.terminalId;
  return answer.urls;
}

/** Whether the request is answered 304 or 412, for which no Terminal is needed (RFC 9110 13.2.2). */
export function isSettledHere({ request }: Exchange, entry: CatalogEntry): boolean {
  const { headers } = request;
  if (
    headers["if-none-match"] === undefined &&
    headers["if-modified-since"] === undefined &&
    headers["if-match"] === undefined &&
    headers["if-unmodified-since"] === undefined
  ) {
    return false;
  }
  const validators = {
    etag: soleField(entry.headers, "etag"),
    lastModified: soleField(entry.headers, "last-modified"),
  };
  return preconditionFails(headers, validators) || isNotModified(headers, validators);
}

/**
 * The one span asked for; undefined when the whole is to be sent. Terminals follow the same rules, so a ticket for the whole is given whenever they
 * would send it. "several": several spans, or none that exists, which is this Router's to answer.
 */
function rangeOf(
  { request }: Exchange,
  entry: CatalogEntry,
  value: string,
): { first: number; last: number } | "several" | undefined {
  const ifRange = request.headers["if-range"];
  const validators = {
    etag: soleField(entry.headers, "etag"),
    lastModified: soleField(entry.headers, "last-modified"),
    date: soleField(entry.headers, "date"),
  };
  if (typeof ifRange === "string" && !ifRangeHolds(ifRange, validators)) return undefined;
  const range = parseRange(value, entry.object.size);
  if (range.kind === "none") return undefined;
  return range.kind === "one" ? { first: range.first, last: range.last } : "several";
}
