import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Delivery, deliveryFor, matchesPattern } from "./delivery.ts";

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

test("matchesPattern() lets * stand for any run of characters and nothing else be special", () => {
  const cases: [pattern: string, text: string, expected: boolean][] = [
    ["/a", "/a", true],
    ["/a", "/ab", false],
    ["/a*", "/a", true],
    ["*", "", true],
    ["/a/*/c", "/a/b/c", true],
    ["/a/*/c", "/a/c", false],
    ["/a*a", "/a", false],
    ["*.mp4", "/x/y.mp4", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["*ab*bc", "abc", false],
    ["/a.b", "/axb", false],
    ["/(a+)+*x", "/(a+)+!", false],
    ["**", "anything", true],
  ];
  for (const [pattern, text, expected] of cases) {
    expect([pattern, text, matchesPattern(pattern, text)]).toEqual([pattern, text, expected]);
  }
});

test("matchesPattern() agrees with the regular expression that says the same", () => {
  const word = (unit: string[]) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 8 });
  fc.assert(
    fc.property(word(["a", "b", "*"]), word(["a", "b"]), (pattern, text) => {
      expect(matchesPattern(pattern, text)).toBe(new RegExp(`^${pattern.replace(/\*+/g, ".*")}$`).test(text));
    }),
  );
});
