import { expect, test } from "bun:test";
import { type Delivery, deliveryFor, mayRedirect } from "./delivery.ts";

const LARGE = 10_000_000;

test("deliveryFor() without rules keeps pages, scripts, playlists and small things at the Router", () => {
  const cases: [contentType: string | undefined, size: number, expected: Delivery][] = [
    ["video/mp4", LARGE, "redirect"],
    ["video/mp4", 65_535, "router"],
    ["video/mp4", 65_536, "redirect"],
    [undefined, LARGE, "redirect"],
    ["application/octet-stream", LARGE, "redirect"],
    ["image/svg+xml", LARGE, "redirect"],
    ["text/html; charset=utf-8", LARGE, "router"],
    ["TEXT/HTML", LARGE, "router"],
    ["application/xhtml+xml", LARGE, "router"],
    ["text/css", LARGE, "router"],
    ["text/javascript", LARGE, "router"],
    ["application/vnd.apple.mpegurl", LARGE, "router"],
    ["application/x-mpegURL", LARGE, "router"],
    ["application/dash+xml", LARGE, "router"],
    ["application/json", LARGE, "router"],
    ["application/ld+json", LARGE, "router"],
    ["application/rss+xml", LARGE, "router"],
    ["text/vtt", LARGE, "router"],
    ["text/plain", LARGE, "redirect"],
  ];
  for (const [contentType, size, expected] of cases) {
    expect([contentType, size, deliveryFor([], { path: "/a", contentType, size })]).toEqual([
      contentType,
      size,
      expected,
    ]);
  }
});

test("deliveryFor() follows the first rule that matches path and type", () => {
  const rules = [
    { path: "/private/*", deliver: "router" as const },
    { type: "Video/*", deliver: "redirect" as const },
    { path: "*.bin", type: "application/octet-stream", deliver: "redirect" as const },
  ];
  const decide = (path: string, contentType: string) => deliveryFor(rules, { path, contentType, size: 10 });
  expect(decide("/private/a.mp4", "video/mp4")).toBe("router");
  expect(decide("/a.mp4", "video/mp4; codecs=x")).toBe("redirect");
  expect(decide("/a.bin", "application/octet-stream")).toBe("redirect");
  expect(decide("/a.bin", "text/plain")).toBe("router");
  expect(deliveryFor([{ deliver: "redirect" }], { path: "/", contentType: "text/html", size: 1 })).toBe("redirect");
});

test("deliveryFor() follows rules by size, ends included", () => {
  const rules = [{ type: "video/*", minBytes: 100, maxBytes: 200, deliver: "verified" as const }];
  const decide = (size: number) => deliveryFor(rules, { path: "/v.mp4", contentType: "video/mp4", size });
  expect([99, 100, 200, 201].map(decide)).toEqual(["router", "verified", "verified", "router"]);
});

test("mayRedirect() sends a client of verified delivery away only if it says that it checks SHA-256", () => {
  const cases: [headers: Record<string, string>, expected: boolean][] = [
    [{}, false],
    [{ "want-repr-digest": "sha-256=1" }, true],
    [{ "want-repr-digest": "sha-512=9, sha-256=3" }, true],
    [{ "want-repr-digest": "sha-256=0" }, false],
    [{ "want-repr-digest": "sha-512=9" }, false],
    [{ "want-repr-digest": "sha-256=many" }, false],
    [{ "want-repr-digest": `${"x=1,".repeat(1000)}sha-256=1` }, false],
    [{ "want-digest": "SHA-512;q=1, SHA-256;q=1, SHA;q=0.1" }, true],
    [{ "want-digest": "sha-256" }, true],
    [{ "want-digest": "sha-256;q=0" }, false],
    [{ "want-digest": "md5" }, false],
    [{ accept: "video/*", "sec-fetch-dest": "script" }, false],
  ];
  for (const [headers, expected] of cases) {
    expect([headers, mayRedirect("verified", headers)]).toEqual([headers, expected]);
    expect(mayRedirect("redirect", headers)).toBe(true);
    expect(mayRedirect("router", headers)).toBe(false);
  }
});
