import { expect, test } from "bun:test";
import fc from "fast-check";
import { siteSchema } from "../sites/site.ts";
import { type PurgeWish, purgeOrderOf, targetIn } from "./target.ts";

const SITE = siteSchema.parse({
  ...{ name: "shop", hosts: ["shop.test", "www.shop.test"], origin: "https://origin.test" },
  cache: { query: { use: "unlisted", names: ["utm_*"], sorted: true } },
});

test("purgeOrderOf() reads URLs as clients send them", () => {
  const cases: [url: string, value: string][] = [
    ["https://shop.test/a?b=1", "/a?b=1"],
    ["HTTPS://WWW.Shop.TEST:8443/a", "/a"],
    ["http://shop.test.", "/"],
    ["https://shop.test?x=1", "/?x=1"],
    ["/a/../b", "/a/../b"],
    ["https://shop.test/a/%2e%2e/b", "/a/%2e%2e/b"],
    ["https://shop.test/a/./b/#part", "/a/./b/"],
    ["/A/b/", "/A/b/"],
    ["/ä b", "/%C3%A4%20b"],
    ["/a?z=1&utm_source=x&b=2", "/a?b=2&z=1"],
  ];
  for (const [url, value] of cases) {
    expect([url, purgeOrderOf(SITE, { url })]).toEqual([url, { site: "shop", mode: "hard", by: "url", value }]);
  }
  expect(purgeOrderOf(SITE, { url: "/a?b=1", isAnyQuery: true, isSoft: true })).toEqual({
    ...{ site: "shop", mode: "soft", by: "path", value: "/a" },
  });
  expect(purgeOrderOf(SITE, { prefix: "https://shop.test/img/" }).value).toBe("/img/");
  expect(purgeOrderOf(SITE, { isAll: true })).toEqual({ site: "shop", mode: "hard", by: "site", value: "" });
});

test("purgeOrderOf() leaves the signature of a URL out where URLs are signed", () => {
  const signing = { paths: ["/*"], keys: [{ id: "k1", secret: "x".repeat(40) }] };
  const site = { ...SITE, access: { ...SITE.access, signing } } as typeof SITE;
  expect(purgeOrderOf(site, { url: "/a?neson-signature=abc&b=1" }).value).toBe("/a?b=1");
  expect(() => purgeOrderOf(site, { url: "/~neson-signature.x/a?neson-signature=y" })).toThrow("one signature");
});

test("purgeOrderOf() refuses what names nothing of the site, and says what is allowed", () => {
  const cases: [wish: PurgeWish, message: string][] = [
    [{}, "exactly one of"],
    [{ url: "/a", tag: "b" }, "exactly one of"],
    [{ url: "https://other.test/a" }, "shop.test, www.shop.test"],
    [{ url: "https://user@shop.test/a" }, "shop.test, www.shop.test"],
    [{ url: "a/b" }, "from its first slash on"],
    [{ url: "" }, "from its first slash on"],
    [{ url: "ftp://shop.test/a" }, "from its first slash on"],
    [{ prefix: "img" }, "from its first slash on"],
    [{ url: `/${"x".repeat(20_000)}` }, "at most"],
    [{ tag: "two words" }, "printable ASCII"],
    [{ tag: "" }, "printable ASCII"],
  ];
  for (const [wish, message] of cases) expect(() => purgeOrderOf(SITE, wish)).toThrow(message);
});

test("targetIn() changes nothing of a target that a client can have sent", () => {
  const target = fc.string({ unit: fc.constantFrom(..."aA0.%2eE/?&=#;:@+~-_".replace("#", "").split("")) });
  fc.assert(
    fc.property(target, fc.constantFrom("", "https://shop.test", "HTTP://SHOP.test:80"), (rest, start) => {
      expect(targetIn(SITE, `${start}/${rest}`, "url")).toBe(`/${rest}`);
    }),
  );
});
