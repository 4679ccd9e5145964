import { expect, test } from "bun:test";
import { isCompressible } from "./compressible.ts";

const HTML = ["Content-Type", "text/html; charset=utf-8"];

test("isCompressible() accepts what shrinks and is allowed to", () => {
  const cases: [headers: string[], size: number, expected: boolean][] = [
    [HTML, 1000, true],
    [HTML, 511, false],
    [HTML, 9_000_000, false],
    [["Content-Type", "TEXT/CSS"], 1000, true],
    [["Content-Type", "application/ld+json"], 1000, true],
    [["Content-Type", "image/svg+xml"], 1000, true],
    [["Content-Type", "application/vnd.apple.mpegurl"], 1000, true],
    [["Content-Type", "text/event-stream"], 1000, false],
    [["Content-Type", "video/mp4"], 1000, false],
    [["Content-Type", "image/png"], 1000, false],
    [["Content-Type", "font/woff2"], 1000, false],
    [["Content-Type", "application/octet-stream"], 1000, false],
    [[], 1000, false],
    [[...HTML, "Content-Type", "text/css"], 1000, false],
    [[...HTML, "Content-Encoding", "gzip"], 1000, false],
    [[...HTML, "Cache-Control", "public, no-transform"], 1000, false],
    [[...HTML, "Cache-Control", "max-age=5"], 1000, true],
  ];
  for (const [headers, size, expected] of cases) {
    expect([headers, size, isCompressible({ status: 200, headers, size })]).toEqual([headers, size, expected]);
  }
});

test("isCompressible() refuses anything but a 200", () => {
  for (const status of [203, 206, 404]) expect(isCompressible({ status, headers: HTML, size: 1000 })).toBe(false);
});
