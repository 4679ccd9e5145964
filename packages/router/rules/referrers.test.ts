import { expect, test } from "bun:test";
import { allowsReferrer } from "./referrers.ts";

test("allowsReferrer() takes pages of the site itself and of allowed hosts", () => {
  const rule = { allow: ["partner.example", "*.friends.example"], allowEmpty: false };
  const cases: [referrer: string | undefined, expected: boolean][] = [
    ["https://www.example.com/page?x", true],
    ["http://partner.example:8080/", true],
    ["https://PARTNER.example/", true],
    ["https://sub.partner.example/", false],
    ["https://a.b.friends.example/", true],
    ["https://friends.example/", false],
    ["https://evilfriends.example/", false],
    ["https://partner.example.evil.example/", false],
    ["https://partner.example@evil.example/", false],
    ["https://evil.example/partner.example", false],
    ["android-app://partner.example", false],
    ["partner.example", false],
    ["//partner.example/", false],
    [`https://partner.example/${"x".repeat(9000)}`, false],
    ["", false],
    [undefined, false],
  ];
  for (const [referrer, expected] of cases) {
    expect([referrer, allowsReferrer(rule, referrer, ["www.example.com"])]).toEqual([referrer, expected]);
  }
  expect(allowsReferrer({ ...rule, allowEmpty: true }, undefined, [])).toBe(true);
});
