/** Who sends the bytes: the Router itself, or a Terminal by redirect. */
import type { DeliveryRule } from "../sites/site.ts";

/** `router`: answered here. `redirect`: steered to a Terminal. */
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
 * The first rule that matches decides (`*` in its patterns stands for any run of characters, a rule without a pattern matches
 * everything); without one, pages, scripts, playlists and small things stay here.
 */
export function deliveryFor(rules: readonly DeliveryRule[], subject: DeliverySubject): Delivery {
  const type = mediaType(subject.contentType);
  for (const rule of rules) {
    if (rule.path !== undefined && !matchesPattern(rule.path, subject.path)) continue;
    if (rule.type !== undefined && !matchesPattern(rule.type.toLowerCase(), type)) continue;
    return rule.deliver;
  }
  if (subject.size < MIN_REDIRECT_BYTES || ROUTER_TYPES.has(type)) return "router";
  return isDocument(type) ? "router" : "redirect";
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

/** Whether text matches a pattern in which `*` stands for any run of characters. Linear: no regular expression a customer could blow up. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  if (parts.length === 1) return first === text;
  const last = parts[parts.length - 1] ?? "";
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
