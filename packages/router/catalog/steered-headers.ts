import { formatHttpDate } from "@neson/kit/http/date";
import { headerListSchema } from "@neson/protocol/manifest";

/** A header set as a Terminal keeps it. */
export type HeaderList = [string, string][];

// What describes the representation, says how long it may be kept, or how a page may use it. Left out on purpose: Set-Cookie, Server,
// Via, Age, Vary (each ticket is a URL of its own), Alt-Svc and Strict-Transport-Security (they speak for the site's host), and all framing.
const KEPT = new Set([
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "etag",
  "last-modified",
  "cache-control",
  "expires",
  "date",
  "link",
  "repr-digest",
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-expose-headers",
  "timing-allow-origin",
  "cross-origin-resource-policy",
  "content-security-policy",
  "x-content-type-options",
]);

/** Below this lifetime the header set is not renewed with each revalidation: Terminals would be told a new one all the time. */
const MIN_RENEWED_SECONDS = 60;

// Bounds of a manifest's header list, with room for the two fields added here.
const MAX_FIELDS = 60;
const MAX_CHARS = 60_000;

/** What the steered header set is made from. */
export interface SteeredHeadersSource {
  /** Flat, as stored, with a Date. */
  headers: readonly string[];
  /** When the body was pulled: does not move with revalidations. */
  createdAtMs: number;
  /** Freshness lifetime. */
  lifetimeSeconds: number;
  /** Value of Repr-Digest for the stored bytes, used when the origin sent none. */
  reprDigest: string;
}

/**
 * The header set under which Terminals answer for an entry. Date stays as received, so that a viewer's cache counts age from the origin's
 * answer and never exceeds its freshness. For short-lived responses Date is that of the pull: they then count as older than they are,
 * viewers ask again, and the set's id survives each 304.
 */
export function steeredHeaders(source: SteeredHeadersSource): HeaderList {
  const renewed = source.lifetimeSeconds >= MIN_RENEWED_SECONDS;
  const pulledAt = formatHttpDate(source.createdAtMs);
  const kept: HeaderList = [];
  const names = new Set<string>();
  let chars = 0;
  for (let i = 0; i + 1 < source.headers.length; i += 2) {
    const name = source.headers[i] ?? "";
    const lower = name.toLowerCase();
    if (!KEPT.has(lower)) continue;
    const anchored = !renewed && (lower === "date" || lower === "expires");
    const field: [string, string] = [name, anchored ? pulledAt : (source.headers[i + 1] ?? "")];
    chars += name.length + field[1].length;
    if (kept.length === MAX_FIELDS || chars > MAX_CHARS) break;
    if (!headerListSchema.safeParse([field]).success) continue;
    kept.push(field);
    names.add(lower);
  }
  if (!names.has("repr-digest")) kept.push(["Repr-Digest", source.reprDigest]);
  if (!names.has("access-control-allow-origin")) kept.push(["Access-Control-Allow-Origin", "*"]);
  return kept;
}
