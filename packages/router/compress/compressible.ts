/** Whether a stored response gains by compression, and may be compressed. Pure. */
import type { CatalogEntry } from "../catalog/entry.ts";
import { parseCacheControl } from "../policy/cache-control.ts";
import { fieldLines } from "../policy/fields.ts";

/** Below this the coding's own overhead and the work eat the gain (bytes). */
export const MIN_CODED_BYTES = 512;
/** Above this an answer streams from disk as it is; compressing it would hold too much memory. */
const MAX_BYTES = 8 * 1_048_576;

// Types that shrink. Media, archives and fonts of the newer kinds are compressed already. Event streams must not wait for a coder's buffer.
const SHRINKING = new Set([
  ...["application/javascript", "application/x-javascript", "application/ecmascript", "application/json"],
  ...[
    "application/xml",
    "application/wasm",
    "application/rtf",
    "application/vnd.ms-fontobject",
    "application/x-ndjson",
  ],
  ...[
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "application/dash+xml",
  ],
  ...[
    "font/ttf",
    "font/otf",
    "font/sfnt",
    "application/x-font-ttf",
    "application/x-font-otf",
    "application/postscript",
  ],
  ...["image/svg+xml", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon", "application/manifest+json"],
]);

/** What is asked of a stored response. */
export type Compressed = Pick<CatalogEntry, "status" | "headers"> & { size: number };

/** True when viewers may get it in a coding: then every answer of it must vary by Accept-Encoding. */
export function isCompressible({ status, headers, size }: Compressed): boolean {
  if (status !== 200 || size < MIN_CODED_BYTES || size > MAX_BYTES) return false;
  // It has a coding already: the origin knew better.
  if (fieldLines(headers, "content-encoding").length > 0) return false;
  // RFC 9111 5.2.2.6: no-transform forbids changing the content.
  if (parseCacheControl(fieldLines(headers, "cache-control")).has("no-transform")) return false;
  const [type, ...others] = fieldLines(headers, "content-type");
  return type !== undefined && others.length === 0 && shrinks(type);
}

function shrinks(contentType: string): boolean {
  const end = contentType.indexOf(";");
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  if (type === "text/event-stream") return false;
  if (type.startsWith("text/") || SHRINKING.has(type)) return true;
  // RFC 6839: structured syntaxes are text.
  return type.endsWith("+json") || type.endsWith("+xml");
}
