import { createHash } from "node:crypto";

/** What a path of the soak's origin is like. */
export interface Page {
  path: string;
  size: number;
  headers: Record<string, string>;
  /** Once stored it may answer for a failing origin, for as long as the soak lasts. */
  isCovered: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** Prime, so that a shift by any power of two is noticed. */
const PATTERN_BYTES = 65_521;

function pagesOf(kind: string, count: number, page: Omit<Page, "path">): Page[] {
  return Array.from({ length: count }, (_, i) => ({ ...page, path: `/${kind}/${i}` }));
}

/** Everything that is asked for: pages, files that Terminals deliver, large ones, and what must not be kept. */
export const PAGES: readonly Page[] = [
  ...pagesOf("page", 40, {
    size: 2 * KIB,
    headers: { "Content-Type": "text/html", "Cache-Control": "max-age=2", ETag: '"p"' },
    isCovered: true,
  }),
  ...pagesOf("file", 20, {
    size: 300 * KIB,
    headers: { "Content-Type": "application/octet-stream", "Cache-Control": "max-age=5", ETag: '"f"' },
    isCovered: true,
  }),
  ...pagesOf("film", 3, {
    size: 9 * MIB,
    headers: { "Content-Type": "video/mp4", "Cache-Control": "max-age=60", ETag: '"m"' },
    isCovered: true,
  }),
  ...pagesOf("strict", 5, {
    size: 4 * KIB,
    headers: { "Content-Type": "text/html", "Cache-Control": "max-age=1, must-revalidate", ETag: '"s"' },
    isCovered: false,
  }),
  ...pagesOf("private", 5, {
    size: 4 * KIB,
    headers: { "Content-Type": "text/html", "Cache-Control": "no-store" },
    isCovered: false,
  }),
];

const patterns = new Map<string, Buffer>();

function patternOf(path: string): Buffer {
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    pattern = Buffer.alloc(PATTERN_BYTES);
    let block = createHash("sha256").update(path).digest();
    for (let at = 0; at < PATTERN_BYTES; at += block.length) {
      block.copy(pattern, at);
      block = createHash("sha256").update(block).digest();
    }
    patterns.set(path, pattern);
  }
  return pattern;
}

/** Bytes `first` to `last` (inclusive) of a path's body: the same ones every time, different at every place. */
export function bytesOf(path: string, first: number, last: number): Buffer {
  const pattern = patternOf(path);
  const bytes = Buffer.allocUnsafe(last - first + 1);
  for (let at = 0; at < bytes.length; ) {
    const from = (first + at) % PATTERN_BYTES;
    at += pattern.copy(bytes, at, from, Math.min(PATTERN_BYTES, from + bytes.length - at));
  }
  return bytes;
}
