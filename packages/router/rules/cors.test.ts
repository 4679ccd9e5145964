import { expect, test } from "bun:test";
import { header } from "@neson/kit/http/answer";
import fc from "fast-check";
import { type CorsRule, rewriteSettingsSchema } from "../sites/rewrite-settings.ts";
import { allowsOrigin, preflightAnswer, withCors } from "./cors.ts";

function rule(settings: Partial<CorsRule> & { origins: string[] }): CorsRule {
  const [parsed] = rewriteSettingsSchema.parse({ cors: [settings] }).cors;
  if (parsed === undefined) throw new Error("no rule");
  return parsed;
}

test("allowsOrigin() compares whole origins, and labels below a name", () => {
  const named = rule({ origins: ["https://app.example.com", "https://*.example.org", "http://localhost:3000"] });
  const cases: [origin: string, expected: boolean][] = [
    ["https://app.example.com", true],
    ["http://app.example.com", false],
    ["https://app.example.com:8443", false],
    ["https://app.example.com.evil.example", false],
    ["https://evil-app.example.com", false],
    ["https://a.example.org", true],
    ["https://a.b.example.org", true],
    ["https://example.org", false],
    ["https://.example.org", false],
    ["https://evilexample.org", false],
    ["https://evil.example/?.example.org", false],
    ["https://evil.example#.example.org", false],
    ["https://evil@x.example.org", false],
    ["https://a.example.org:444", false],
    ["http://localhost:3000", true],
    ["http://localhost:3001", false],
    ["null", false],
    ["", false],
    [`https://${"a".repeat(400)}.example.org`, false],
  ];
  for (const [origin, expected] of cases) expect([origin, allowsOrigin(named, origin)]).toEqual([origin, expected]);
  expect(allowsOrigin(rule({ origins: ["*"] }), "null")).toBe(true);
});

test("allowsOrigin() for names below one takes only hosts that are below it", () => {
  const below = rule({ origins: ["https://*.example.org"] });
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab./:@?#-*\\"), maxLength: 12 }), (text) => {
      const origin = `https://${text}.example.org`;
      if (!allowsOrigin(below, origin)) return;
      const url = new URL(origin);
      expect(url.origin).toBe(origin);
      expect(url.hostname.endsWith(".example.org")).toBe(true);
    }),
  );
});

const STORED = ["Content-Type", "text/plain", "access-control-allow-origin", "https://first.example", "Vary", "Accept"];

test("withCors() gives each origin its own permission, whatever was stored for another", () => {
  const named = [rule({ origins: ["https://a.example", "https://b.example"], credentials: true })];
  const forA = withCors(STORED, named, "https://a.example");
  expect(header(forA, "Access-Control-Allow-Origin")).toBe("https://a.example");
  expect(header(forA, "Access-Control-Allow-Credentials")).toBe("true");
  expect(forA.filter((text) => text === "Vary").length).toBe(2);
  expect(header(withCors(STORED, named, "https://b.example"), "Access-Control-Allow-Origin")).toBe("https://b.example");
  for (const origin of ["https://evil.example", "null", undefined]) {
    const other = withCors(STORED, named, origin);
    expect(other.some((text) => text.toLowerCase().startsWith("access-control-"))).toBe(false);
    expect(other.slice(-2)).toEqual(["Vary", "Origin"]);
  }
  expect(STORED.length).toBe(6);
});

test("withCors() says * where everyone may read, and varies by nothing then", () => {
  const dressed = withCors(STORED, [rule({ origins: ["*"] })], "https://a.example");
  expect(header(dressed, "Access-Control-Allow-Origin")).toBe("*");
  expect(dressed.includes("Origin")).toBe(false);
  expect(header(dressed, "Access-Control-Allow-Credentials")).toBeUndefined();
});

test("withCors() leaves answers alone for which there is no rule, and permits nothing where two readings differ", () => {
  expect(withCors(STORED, [undefined], "https://a.example")).toBe(STORED);
  const both = withCors(STORED, [rule({ origins: ["*"] }), undefined], "https://a.example");
  expect(both).toEqual(["Content-Type", "text/plain", "Vary", "Accept", "Vary", "Origin"]);
});

test("withCors() does not repeat Origin in Vary", () => {
  const named = [rule({ origins: ["https://a.example"] })];
  for (const vary of ["Accept, origin", "*"])
    expect(withCors(["Vary", vary], named, undefined)).toEqual(["Vary", vary]);
});

test("preflightAnswer() allows what the rule allows", () => {
  const named = rule({ origins: ["https://a.example"], methods: ["GET", "PUT"], requestHeaders: ["X-One", "x-two"] });
  const cases: [preflight: [string, string, string | undefined], status: number, reason: string | undefined][] = [
    [["https://a.example", "PUT", "x-one, X-TWO"], 204, undefined],
    [["https://a.example", "GET", undefined], 204, undefined],
    [["https://evil.example", "GET", undefined], 403, "cors-origin"],
    [["https://a.example", "DELETE", undefined], 403, "cors-method"],
    [["https://a.example", "GET", "x-three"], 403, "cors-header"],
    [["https://a.example", "GET", "x-one,,x-two"], 403, "cors-header"],
    [["https://a.example", "GET", "x-one\r\nSet-Cookie: a=b"], 403, "cors-header"],
    [["https://a.example", "GET", `x-${"a".repeat(5000)}`], 403, "cors-header"],
  ];
  for (const [[origin, method, requestedHeaders], status, reason] of cases) {
    const answer = preflightAnswer(named, { origin, method, requestedHeaders });
    expect([requestedHeaders, answer.status]).toEqual([requestedHeaders, status]);
    expect(header(answer.headers, "Vary")).toContain("Origin");
    expect(header(answer.headers, "Cache-Control")).toBe("no-store");
    if (reason !== undefined) expect(header(answer.headers, "Cache-Status")).toContain(reason);
  }
  const any = rule({ origins: ["https://*.a.example"], requestHeaders: ["*"], credentials: true });
  const answer = preflightAnswer(any, { origin: "https://x.a.example", method: "GET", requestedHeaders: "x-any" });
  expect(header(answer.headers, "Access-Control-Allow-Headers")).toBe("x-any");
  expect(header(answer.headers, "Access-Control-Allow-Origin")).toBe("https://x.a.example");
  expect(
    preflightAnswer(undefined, { origin: "https://a.example", method: "GET", requestedHeaders: undefined }).status,
  ).toBe(403);
});

test("the schema refuses permissions that browsers or reason would not give", () => {
  const bad: (Partial<CorsRule> & { origins: string[] })[] = [
    { origins: [] },
    { origins: ["*"], credentials: true },
    { origins: ["null"] },
    { origins: ["https://*"] },
    { origins: ["https://a.*.example"] },
    { origins: ["https://example.com/"] },
    { origins: ["example.com"] },
    { origins: ["https://a.example"], credentials: true, exposeHeaders: ["*"] },
    { origins: ["https://a.example"], requestHeaders: ["x y"] },
    { origins: ["https://a.example"], methods: ["get"] },
  ];
  for (const cors of bad)
    expect([cors, rewriteSettingsSchema.safeParse({ cors: [cors] }).success]).toEqual([cors, false]);
});
