import { expect, test } from "bun:test";
import { formatHttpDate } from "@neson/kit/http/date";
import fc from "fast-check";
import type { ReceivedResponse } from "./freshness.ts";
import { DEFAULT_POLICY, type PolicyOptions } from "./options.ts";
import { storable } from "./storable.ts";
import type { RequestHeaders } from "./vary.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const FRESH = ["Cache-Control", "max-age=60"];
const TAG = ["ETag", '"1"'];

function received(headers: string[], status = 200): ReceivedResponse {
  return { status, headers, requestTimeMs: NOW_MS, responseTimeMs: NOW_MS };
}

function verdict(headers: string[], status = 200, request: RequestHeaders = {}, method = "GET"): string {
  const found = storable({ method, headers: request }, received(headers, status), DEFAULT_POLICY);
  if (!found.store) return found.reason;
  return found.mayShareWithWaiters ? "share" : "store";
}

const CASES: [name: string, headers: string[], status: number, request: RequestHeaders, expected: string][] = [
  // RFC 9111 3
  ["fresh", FRESH, 200, {}, "share"],
  ["validator only", TAG, 200, {}, "share"],
  ["Last-Modified only", ["Last-Modified", formatHttpDate(NOW_MS)], 200, {}, "share"],
  ["neither", [], 200, {}, "no-freshness"],
  ["public alone", ["Cache-Control", "public"], 200, {}, "no-freshness"],
  ["no-store", ["Cache-Control", "no-store, max-age=60"], 200, {}, "no-store"],
  ["private", ["Cache-Control", "private, max-age=60"], 200, {}, "private"],
  ["private naming fields", ["Cache-Control", 'private="x", max-age=60'], 200, {}, "private"],
  ["no-cache with validator", ["Cache-Control", "no-cache", ...TAG], 200, {}, "store"],
  ["no-cache without validator", ["Cache-Control", "no-cache, max-age=60"], 200, {}, "no-freshness"],
  ["max-age=0 with validator", ["Cache-Control", "max-age=0", ...TAG], 200, {}, "store"],
  ["stale on arrival", [...FRESH, "Age", "60", ...TAG], 200, {}, "store"],
  ["invalid freshness with validator", ["Cache-Control", "max-age=x", ...TAG], 200, {}, "store"],
  // 5.2.1.5
  ["request no-store", FRESH, 200, { "cache-control": "no-store" }, "request-no-store"],
  ["request no-cache", FRESH, 200, { "cache-control": "no-cache" }, "share"],
  // 3, 3.3, 4.3.4
  ["part", FRESH, 206, {}, "status"],
  ["not modified", FRESH, 304, {}, "status"],
  ["interim", FRESH, 103, {}, "status"],
  ["beyond", FRESH, 600, {}, "status"],
  ["unknown status, explicit freshness", FRESH, 299, {}, "share"],
  ["error, explicit freshness", FRESH, 404, {}, "share"],
  ["server error, explicit freshness", FRESH, 503, {}, "share"],
  ["error, validator only", TAG, 404, {}, "no-freshness"],
  ["redirect, explicit freshness", FRESH, 302, {}, "share"],
  ["redirect, nothing", [], 301, {}, "no-freshness"],
  // 5.2.2.3
  ["must-understand, known", ["Cache-Control", "no-store, must-understand, max-age=60"], 200, {}, "share"],
  ["must-understand, unknown", ["Cache-Control", "must-understand, max-age=60"], 299, {}, "status"],
  // 3.5
  ["credentials", FRESH, 200, { authorization: "x" }, "authorization"],
  ["credentials, public", ["Cache-Control", "public, max-age=60"], 200, { authorization: "x" }, "store"],
  ["credentials, s-maxage", ["Cache-Control", "s-maxage=60"], 200, { authorization: "x" }, "store"],
  [
    "credentials, must-revalidate",
    ["Cache-Control", "max-age=60, must-revalidate"],
    200,
    { authorization: "x" },
    "store",
  ],
  // 7.3
  ["cookie", [...FRESH, "Set-Cookie", "a=b"], 200, {}, "set-cookie"],
  ["cookie, public", ["Cache-Control", "public, max-age=60", "set-cookie", "a=b"], 200, {}, "set-cookie"],
  // 4.1
  ["Vary", [...FRESH, "Vary", "Accept"], 200, {}, "share"],
  ["Vary: *", [...FRESH, "Vary", "*"], 200, {}, "vary-star"],
  ["Vary with * among others", [...FRESH, "Vary", "Accept, *"], 200, {}, "vary-star"],
  ["Vary that is no list of names", [...FRESH, "Vary", "a b"], 200, {}, "vary-star"],
];

test("storable() follows RFC 9111 3", () => {
  for (const [name, headers, status, request, expected] of CASES) {
    expect([name, verdict(headers, status, request)]).toEqual([name, expected]);
  }
});

test("storable() gives members of a silent origin nothing of each other", () => {
  const member = { cookie: "session=1" };
  expect(verdict(TAG, 200, member)).toBe("store");
  expect(verdict(TAG, 200, {})).toBe("share");
  expect(verdict(FRESH, 200, member)).toBe("share");
});

test("storable() heeds the site's say", () => {
  const judge = (options: Partial<PolicyOptions>, headers: string[], status = 200, target = "/") => {
    const policy = { ...DEFAULT_POLICY, ...options };
    const found = storable({ method: "GET", headers: {}, target }, received(headers, status), policy);
    return found.store ? "store" : found.reason;
  };
  const page = [...FRESH, "Content-Type", "text/html"];
  expect(judge({ setCookie: "strip" }, [...FRESH, "Set-Cookie", "a=b"])).toBe("store");
  expect(judge({ setCookie: "strip" }, ["Cache-Control", "private", "Set-Cookie", "a=b"])).toBe("private");
  expect(judge({}, page, 200, "/account/x.css")).toBe("disguised");
  expect(judge({ deceptionGuard: false }, page, 200, "/account/x.css")).toBe("store");
  const negative = { notFoundSeconds: 5, serverErrorSeconds: 0 };
  expect(judge({ negative }, [], 404)).toBe("store");
  expect(judge({ negative }, [], 503)).toBe("no-freshness");
  expect(judge({ negative }, ["Cache-Control", "no-store"], 404)).toBe("no-store");
  // CDN-Cache-Control replaces Cache-Control (RFC 9213 2.2).
  expect(judge({}, ["Cache-Control", "no-store", "CDN-Cache-Control", "max-age=60"])).toBe("store");
  expect(judge({}, [...FRESH, "CDN-Cache-Control", "no-store"])).toBe("no-store");
  expect(judge({}, [...FRESH, "CDN-Cache-Control", "private"])).toBe("private");
});

test("storable() keeps answers to GET only", () => {
  for (const method of ["HEAD", "POST", "PUT", "get", "OPTIONS"])
    expect(verdict(FRESH, 200, {}, method)).toBe("method");
});

test("storable() never throws and never keeps what says no-store or private", () => {
  const line = fc.tuple(fc.constantFrom("Cache-Control", "Vary", "Expires", "Age", "ETag"), fc.string());
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom("no-store", "private"), fc.integer(), (lines, word, status) => {
      const found = verdict([...lines.flat(), "Cache-Control", word, ...FRESH], status);
      const understood = lines.some(([, value]) => value.toLowerCase().includes("must-understand"));
      if (!understood) expect(["share", "store"]).not.toContain(found);
    }),
  );
});
