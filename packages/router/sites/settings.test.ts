import { expect, test } from "bun:test";
import { siteSchema } from "./site.ts";

const SITE = { name: "shop", hosts: ["shop.example", "www.shop.example"], origin: "https://origin.example" };
const KEY = { id: "k1", secret: "correct-horse-battery-staple" };

/** What is wrong, as "path: allowed"; undefined when nothing is. */
function fault(settings: object): string | undefined {
  const issue = siteSchema.safeParse({ ...SITE, ...settings }).error?.issues[0];
  return issue === undefined ? undefined : `${issue.path.join(".")}: ${issue.message}`;
}

test("siteSchema takes a site without any rule, as older ones were stored", () => {
  const site = siteSchema.parse(SITE);
  expect(site.access).toEqual({ webSockets: true, addresses: [], countries: [], referrers: [], rateLimits: [] });
  expect(site.rewrite).toEqual({
    upgradeToHttps: false,
    redirects: [],
    requestHeaders: [],
    responseHeaders: [],
    cors: [],
  });
});

test("siteSchema says what is allowed for each setting of access", () => {
  const cases: [access: object, message: string][] = [
    [{ methods: [] }, "access.methods: "],
    [{ methods: ["get"] }, "a method in capital letters"],
    [{ maxBodyBytes: -1 }, "access.maxBodyBytes: "],
    [{ maxBodyBytes: 1.5 }, "access.maxBodyBytes: "],
    [{ addresses: [{ allow: ["192.0.2.1/24"] }] }, "a network such as 192.0.2.0/24"],
    [{ addresses: [{ allow: [], deny: [] }] }, 'either "allow" or "deny"'],
    [{ addresses: [{ path: "/a" }] }, 'either "allow" or "deny"'],
    [{ addresses: [{ path: "a", deny: [] }] }, "a path pattern"],
    [{ addresses: [{ deny: Array(5001).fill("192.0.2.1") }] }, "access.addresses.0.deny: "],
    [{ countries: [{ allow: ["Germany"] }] }, "a country code of two capital letters"],
    [{ referrers: [{ allow: ["https://example.com"] }] }, "a lower-case host name"],
    [{ referrers: [{ allow: ["*example.com"] }] }, "a lower-case host name"],
    [{ rateLimits: [{ requests: 0 }] }, "access.rateLimits.0.requests: "],
    [{ rateLimits: [{ requests: 1, perSeconds: 100_000 }] }, "access.rateLimits.0.perSeconds: "],
    [{ rateLimits: Array(51).fill({ requests: 1 }) }, "access.rateLimits: "],
    [{ signing: { paths: [], keys: [KEY] } }, "access.signing.paths: "],
    [{ signing: { paths: ["*"], keys: [] } }, "access.signing.keys: "],
    [{ signing: { paths: ["*"], keys: [KEY, KEY] } }, "keys with different ids"],
    [{ signing: { paths: ["*"], keys: [{ ...KEY, secret: "short" }] } }, "22 to 256 printable characters"],
    [{ signing: { paths: ["*"], keys: [{ ...KEY, id: "K.1" }] } }, "lower-case letters, digits and hyphens"],
    [{ maintenance: { text: "a\nb" } }, "one line of text"],
    [{ unknown: true }, "access: "],
  ];
  for (const [access, message] of cases)
    expect([access, fault({ access })]).toEqual([access, expect.stringContaining(message)]);
});

test("siteSchema refuses what contradicts itself", () => {
  const redirects = [
    { path: "/a", to: "/b" },
    { path: "/b", to: "https://www.shop.example/a" },
  ];
  expect(fault({ rewrite: { redirects } })).toContain("/a → /b → … without end");
  expect(fault({ rewrite: { canonicalHost: "other.example" } })).toBe(
    "rewrite.canonicalHost: one of the site's hosts (shop.example, www.shop.example)",
  );
  expect(fault({ rewrite: { canonicalHost: "shop.example" } })).toBeUndefined();
  expect(fault({ rules: [{ deliver: "verified", minBytes: 5, maxBytes: 4 }] })).toContain(
    "minBytes not above maxBytes",
  );
  expect(fault({ rules: [{ deliver: "sometimes" }] })).toContain("rules.0.deliver");
  expect(fault({ rules: [{ path: "*.js", type: "text/*", minBytes: 1, deliver: "verified" }] })).toBeUndefined();
});

test("siteSchema refuses a webhook at a private address unless the site may have such", () => {
  const site = { name: "s", hosts: ["s.test"], origin: "https://o.test" };
  const isTaken = (webhook: string, more = {}) =>
    siteSchema.safeParse({ ...site, spend: { webhook }, ...more }).success;
  for (const webhook of ["http://127.0.0.1/x", "http://[::1]/x", "http://169.254.169.254/", "http://localhost:1/x"]) {
    expect([webhook, isTaken(webhook), isTaken(webhook, { allowPrivateOrigin: true })]).toEqual([webhook, false, true]);
  }
  expect(isTaken("https://hooks.example.com/x")).toBe(true);
});

test("siteSchema refuses the largest settings that are not allowed, quickly", () => {
  const startedMs = performance.now();
  const redirects = Array.from({ length: 500 }, (_, i) => ({
    path: `/${"*a".repeat(9)}/${i}`,
    to: `/b${"/{1}".repeat(9)}`,
  }));
  expect(fault({ rewrite: { redirects } })).toBeUndefined();
  expect(fault({ rewrite: { redirects: [...redirects, { path: "/x", to: "/y" }] } })).toContain("rewrite.redirects");
  expect(performance.now() - startedMs).toBeLessThan(5000);
});
