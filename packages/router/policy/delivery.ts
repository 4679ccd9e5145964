/** Who sends the bytes: the Router itself, or a Terminal by redirect. */
import type { HttpRequest } from "@neson/kit/http/answer";
import type { DeliveryRule } from "../sites/rule-settings.ts";
import { matchesPattern } from "./pattern.ts";

/** `router`: answered here. `redirect`: steered to a Terminal. `verified`: steered if the client says that it checks digests. */
export type Delivery = DeliveryRule["deliver"];

/** What is known of a stored response when its delivery is decided. */
export interface DeliverySubject {
  /** The raw path without the query. */
  path: string;
  /** Content-Type as stored; undefined counts as a download. */
  contentType: string | undefined;
  /** Bytes of the whole body. */
  size: number;
}

/** Below this a redirect costs the client more than it saves (bytes). */
const MIN_REDIRECT_BYTES = 65_536;

// What a page is made of and a plain browser cannot verify after a redirect, and what is rewritten all the time.
const ROUTER_TYPES = new Set([
  "text/html",
  "application/xhtml+xml",
  "text/css",
  "text/javascript",
  "application/javascript",
  "application/x-javascript",
  "application/ecmascript",
  "text/ecmascript",
  "application/wasm",
  "application/json",
  "application/xml",
  "text/xml",
  "text/vtt",
  "application/vnd.apple.mpegurl",
  "application/x-mpegurl",
  "audio/mpegurl",
  "audio/x-mpegurl",
  "application/dash+xml",
]);

/**
 * The first rule that matches path, type and size decides, and a rule without a condition matches everything; without a rule, pages,
 * scripts, playlists and small things stay here.
 */
export function deliveryFor(rules: readonly DeliveryRule[], subject: DeliverySubject): Delivery {
  const type = mediaType(subject.contentType);
  for (const rule of rules) {
    if (rule.path !== undefined && !matchesPattern(rule.path, subject.path)) continue;
    if (rule.type !== undefined && !matchesPattern(rule.type.toLowerCase(), type)) continue;
    if (subject.size < (rule.minBytes ?? 0) || subject.size > (rule.maxBytes ?? Number.POSITIVE_INFINITY)) continue;
    return rule.deliver;
  }
  if (subject.size < MIN_REDIRECT_BYTES || ROUTER_TYPES.has(type)) return "router";
  return isDocument(type) ? "router" : "redirect";
}

/**
 * Whether a client may be sent to a Terminal. Under `verified`, only one that asks for a digest which the redirect can give: RFC 9530
 * section 4 (`Want-Repr-Digest`), or its forerunner in RFC 3230 section 4.3.1 (`Want-Digest`), which download tools send. No other
 * request shows that the body will be checked: `integrity=` in a page is invisible to servers.
 */
export function mayRedirect(delivery: Delivery, headers: HttpRequest["headers"]): boolean {
  if (delivery !== "verified") return delivery === "redirect";
  return asksForSha256(headers["want-repr-digest"], true) || asksForSha256(headers["want-digest"], false);
}

const MAX_WANT_CHARS = 1024;

/** `sha-256=9` or `SHA-256;q=0.5`: named, with a preference that is not zero. */
function asksForSha256(value: string | string[] | undefined, isDictionary: boolean): boolean {
  if (value === undefined) return false;
  const text = typeof value === "string" ? value : value.join(",");
  if (text.length > MAX_WANT_CHARS) return false;
  return text.split(",").some((member) => {
    const [name = "", weight = "1"] = member
      .trim()
      .toLowerCase()
      .split(isDictionary ? "=" : /\s*;\s*q=/);
    return name === "sha-256" && Number(weight) > 0;
  });
}

/** RFC 6839: types built on JSON and XML are documents, pictures excepted. */
function isDocument(type: string): boolean {
  return !type.startsWith("image/") && (type.endsWith("+json") || type.endsWith("+xml"));
}

function mediaType(contentType: string | undefined): string {
  if (contentType === undefined) return "";
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
