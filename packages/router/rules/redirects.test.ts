import { expect, test } from "bun:test";
import fc from "fast-check";
import { rewriteSettingsSchema } from "../sites/rewrite-settings.ts";
import { findRedirectLoop } from "./redirect-loop.ts";
import { redirectionFor } from "./redirects.ts";

function rules(...redirects: { path: string; to: string; status?: 301 | 302 | 307 | 308; keepQuery?: boolean }[]) {
  return rewriteSettingsSchema.parse({ redirects }).redirects;
}

test("redirectionFor() puts captures and the query into the first rule that matches", () => {
  const list = rules(
    { path: "/old", to: "/new", status: 301 },
    { path: "/blog/*/feed", to: "https://feeds.example.com/{1}.xml", status: 308, keepQuery: false },
    { path: "/*/swap/*", to: "/{2}/{1}" },
    { path: "/search/*", to: "/find?q={1}#top" },
    { path: "*.php", to: "/gone", status: 307 },
  );
  const cases: [target: string, expected: [number, string] | undefined][] = [
    ["/old", [301, "/new"]],
    ["/old?a=1&b", [301, "/new?a=1&b"]],
    ["/old/", undefined],
    ["/blog/2024/feed?x=1", [308, "https://feeds.example.com/2024.xml"]],
    ["/a/swap/b?q", [302, "/b/a?q"]],
    ["/search/cats?page=2", [302, "/find?q=cats&page=2#top"]],
    ["/x/y.php", [307, "/gone"]],
    ["/x/y.phtml", undefined],
  ];
  for (const [target, expected] of cases) {
    const found = redirectionFor(list, target);
    const told: [number, string] | undefined = found === undefined ? undefined : [found.status, found.location];
    expect([target, told]).toEqual([target, expected]);
  }
});

test("redirectionFor() lets no capture lead to another host or become more than it was", () => {
  const list = rules(
    { path: "/out*", to: "/{1}" },
    { path: "/go/*", to: "/{1}" },
    { path: "/away/*", to: "https://shop.example.com/{1}" },
    { path: "/find/*", to: "/f?q={1}&safe=1" },
  );
  const cases: [target: string, location: string | undefined][] = [
    ["/out/evil.example", "/evil.example"],
    ["/out//evil.example", "/evil.example"],
    ["/go//evil.example/", "/evil.example/"],
    ["/go/\\evil.example", "/%5Cevil.example"],
    ["/go/\t/evil.example", "/%09/evil.example"],
    ["/go/x\r\nSet-Cookie: a=b", "/x%0D%0ASet-Cookie:%20a=b"],
    ["/go/é", "/%E9"],
    ["/go/€", "/%E2%82%AC"],
    ["/away/@evil.example", "https://shop.example.com/@evil.example"],
    ["/away/../../admin", undefined],
    ["/away/%2e%2e/admin", undefined],
    ["/away/a/%2E./b", undefined],
    ["/away/..%2fadmin", undefined],
    ["/away/..\\admin", undefined],
    ["/away/a..b/...", "https://shop.example.com/a..b/..."],
    ["/find/x&safe=0", "/f?q=x%26safe%3D0&safe=1"],
    ["/find/x#y", "/f?q=x%23y&safe=1"],
    ["/go/x?next=//evil#z", "/x?next=//evil%23z"],
  ];
  for (const [target, location] of cases) {
    expect([target, redirectionFor(list, target)?.location]).toEqual([target, location]);
  }
});

test("redirectionFor() stays on the host that the rule names, whatever is asked", () => {
  const list = rules({ path: "/here*", to: "/{1}" }, { path: "/there*", to: "https://shop.example.com/x{1}" });
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), fc.constantFrom("/here", "/there"), (text, start) => {
      const location = redirectionFor(list, start + text)?.location;
      if (location === undefined) return;
      expect(location).toMatch(/^[\x21-\x7e]+$/);
      const url = new URL(location, "https://www.example.com/a/b");
      expect(url.origin).toBe(start === "/here" ? "https://www.example.com" : "https://shop.example.com");
    }),
  );
});

test("the schema refuses destinations that a capture could bend, with what is allowed", () => {
  const bad: [path: string, to: string][] = [
    ["/a/*", "//{1}"],
    ["/a/*", "https://{1}/"],
    ["/a/*", "https://example.com{1}"],
    ["/a/*", "https://{1}.example.com/"],
    ["/a/*", "javascript:alert(1)"],
    ["/a/*", "{1}"],
    ["/a/*", "/\\evil"],
    ["/a/*", "https://user@evil.example/"],
    ["/a/*", "/x y"],
    ["/a/*", "/x\r\nSet-Cookie: a"],
    ["/a/*", "/{2}"],
    ["/a/*", "/{0}"],
    ["/a/*", "/{"],
    ["/a/*", "/{name}"],
    ["a", "/x"],
    ["/a?b", "/x"],
    ["/*/*/*/*/*/*/*/*/*/*", "/x"],
  ];
  for (const [path, to] of bad)
    expect([path, to, rewriteSettingsSchema.safeParse({ redirects: [{ path, to }] }).success]).toEqual([
      path,
      to,
      false,
    ]);
});

test("findRedirectLoop() finds rounds on the site's own hosts, and only rounds", () => {
  const hosts = ["www.example.com", "example.com"];
  const loops = [
    rules({ path: "/a", to: "/a" }),
    rules({ path: "/a", to: "/b" }, { path: "/b", to: "/a" }),
    rules({ path: "/a/*", to: "/a/b/{1}" }),
    rules({ path: "*", to: "/moved" }),
    rules({ path: "/*", to: "https://example.com/{1}" }),
    rules({ path: "/a/*", to: "/b/{1}" }, { path: "/b/*", to: "https://www.example.com/a/{1}" }),
  ];
  for (const list of loops) expect(findRedirectLoop(list, hosts)).toBeDefined();
  const fine = [
    [],
    rules({ path: "/a", to: "/b" }, { path: "/b", to: "/c" }),
    rules({ path: "/a/*", to: "/b/{1}" }),
    rules({ path: "/*", to: "https://elsewhere.example/{1}" }),
    rules({ path: "/x", to: "/y" }, { path: "/y", to: "https://elsewhere.example/x" }),
  ];
  for (const list of fine) expect(findRedirectLoop(list, hosts)).toBeUndefined();
});
