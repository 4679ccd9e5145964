import { formatHttpDate } from "@neson/kit/http/date";
import { endToEndFields, fieldLines } from "../policy/fields.ts";
import type { OriginUrl } from "./origin-url.ts";

// Content-Length is framing, set by whoever answers. Alt-Svc names other doors of the origin itself, which viewers must not use.
// X-Neson-Trace is this Router's own to say.
const DROPPED = new Set(["content-length", "alt-svc", "x-neson-trace"]);
const POINTING = new Set(["location", "content-location"]);

/**
 * A response's flat fields as they may be passed on: end-to-end ones only, with Date (RFC 9110 6.6.1: a recipient without one adds the time
 * of arrival), and with URLs at an origin's own name turned into paths of the site, since nobody is to learn that name.
 */
export function receivedHeaders(
  rawHeaders: readonly string[],
  origins: readonly OriginUrl[],
  responseTimeMs: number,
): string[] {
  const headers: string[] = [];
  const received = endToEndFields(rawHeaders);
  for (let i = 0; i + 1 < received.length; i += 2) {
    const name = received[i] ?? "";
    const lower = name.toLowerCase();
    if (DROPPED.has(lower)) continue;
    const value = received[i + 1] ?? "";
    headers.push(name, POINTING.has(lower) ? sitePathAmong(value, origins) : value);
  }
  if (fieldLines(headers, "date").length === 0) headers.push("Date", formatHttpDate(responseTimeMs));
  return headers;
}

/** A response's fields without those that are for one client alone. Set-Cookie2 stays: RFC 6265 made it history, no client heeds it. */
export function withoutCookies(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? "").toLowerCase();
    if (name !== "set-cookie") kept.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  return kept;
}

/** The length a response declares; undefined when none or unusable. */
export function declaredLength(rawHeaders: readonly string[]): number | undefined {
  const [first, ...others] = fieldLines(rawHeaders, "content-length");
  if (first === undefined || others.some((line) => line !== first) || !/^\d{1,15}$/.test(first)) return undefined;
  return Number(first);
}

function sitePathAmong(value: string, origins: readonly OriginUrl[]): string {
  for (const origin of origins) {
    const path = sitePath(value, origin);
    if (path !== value) return path;
  }
  return value;
}

function sitePath(value: string, origin: OriginUrl): string {
  const own = `${origin.isTls ? "https" : "http"}://${origin.host}`;
  const isOwn = value.toLowerCase().startsWith(own) && /^([/?#]|$)/.test(value.slice(own.length));
  const path = isOwn ? value.slice(own.length) || "/" : value;
  if (origin.base === "" || !(path === origin.base || path.startsWith(`${origin.base}/`))) return path;
  return path.slice(origin.base.length) || "/";
}
