import { expect, test } from "bun:test";
import { formatHttpDate } from "@neson/kit/http/date";
import fc from "fast-check";
import { DEFAULT_POLICY, type PolicyOptions } from "./options.ts";
import { type Plan, plan, type StoredResponse } from "./plan.ts";
import { prepare } from "./prepare.ts";
import type { RequestHeaders } from "./vary.ts";

const STORED_AT_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const MODIFIED = formatHttpDate(STORED_AT_MS - 86_400_000);

function stored(headers: string[], status = 200): StoredResponse {
  const received = { status, headers, requestTimeMs: STORED_AT_MS, responseTimeMs: STORED_AT_MS };
  return { ...received, vary: [], facts: prepare(received) };
}

function planAfter(
  seconds: number,
  entry: StoredResponse | undefined,
  headers: RequestHeaders = {},
  method = "GET",
  options: PolicyOptions = DEFAULT_POLICY,
): Plan {
  return plan({ method, headers }, entry, STORED_AT_MS + seconds * 1000, options);
}

/** One line per decision: kind, and what tells it from others of its kind. */
function brief(decision: Plan): string {
  switch (decision.kind) {
    case "hit":
      return `hit${decision.stale ? " stale" : ""}${decision.renewal === undefined ? "" : ", renew"}`;
    case "revalidate":
      return `revalidate ${decision.fwd}${decision.alone ? " alone" : ""}`;
    case "miss":
      return `miss${decision.forbidden ? ` ${decision.forbidden}` : ""}${decision.alone && !decision.forbidden ? " alone" : ""}`;
    case "pass":
      return `pass ${decision.reason}`;
  }
}

const NOTHING_STORED: [method: string, headers: RequestHeaders, expected: string][] = [
  ["GET", {}, "miss"],
  ["GET", { "cache-control": "no-cache" }, "miss"],
  ["GET", { "cache-control": "no-store" }, "pass request-no-store"],
  ["GET", { "cache-control": "only-if-cached" }, "miss only-if-cached"],
  ["GET", { "cache-control": "only-if-cached, no-store" }, "miss only-if-cached"],
  ["GET", { authorization: "Basic x" }, "miss alone"],
  ["HEAD", {}, "pass head-unstored"],
  ["HEAD", { "cache-control": "only-if-cached" }, "miss only-if-cached"],
  ["POST", {}, "pass method"],
  ["OPTIONS", {}, "pass method"],
  ["get", {}, "pass method"],
  ["FOO", {}, "pass method"],
];

test("plan() with nothing stored", () => {
  for (const [method, headers, expected] of NOTHING_STORED) {
    expect([method, headers, brief(planAfter(0, undefined, headers, method))]).toEqual([method, headers, expected]);
  }
});

type Case = [name: string, cacheControl: string, afterSeconds: number, request: RequestHeaders, expected: string];

const STORED: Case[] = [
  // RFC 9111 4.2
  ["fresh", "max-age=60", 59, {}, "hit"],
  ["exactly at its end", "max-age=60", 60, {}, "revalidate stale"],
  ["stale", "max-age=60", 61, {}, "revalidate stale"],
  ["no freshness stated", "", 0, {}, "revalidate stale"],
  ["max-age=0", "max-age=0", 0, {}, "revalidate stale"],
  ["s-maxage rules", "max-age=60, s-maxage=5", 6, {}, "revalidate stale"],
  // 5.2.2.4
  ["no-cache", "no-cache, max-age=60", 0, {}, "revalidate stale"],
  ["no-cache naming fields", 'no-cache="set-cookie", max-age=60', 0, {}, "revalidate stale"],
  // 5.2.1.4, 5.4
  ["request no-cache", "max-age=60", 1, { "cache-control": "no-cache" }, "revalidate request"],
  ["request Pragma", "max-age=60", 1, { pragma: "no-cache" }, "revalidate request"],
  ["request Pragma with Cache-Control", "max-age=60", 1, { pragma: "no-cache", "cache-control": "x" }, "hit"],
  // 5.2.1.1
  ["request max-age=0", "max-age=60", 0, { "cache-control": "max-age=0" }, "revalidate request"],
  ["request max-age reached", "max-age=60", 10, { "cache-control": "max-age=10" }, "hit"],
  ["request max-age passed", "max-age=60", 11, { "cache-control": "max-age=10" }, "revalidate request"],
  ["request max-age unreadable", "max-age=60", 1, { "cache-control": "max-age=x" }, "revalidate request"],
  // 5.2.1.3
  ["min-fresh met", "max-age=60", 30, { "cache-control": "min-fresh=30" }, "hit"],
  ["min-fresh not met", "max-age=60", 31, { "cache-control": "min-fresh=30" }, "revalidate request"],
  // 5.2.1.2, 4.2.4
  ["max-stale within", "max-age=60", 70, { "cache-control": "max-stale=10" }, "hit stale"],
  ["max-stale beyond", "max-age=60", 71, { "cache-control": "max-stale=10" }, "revalidate stale"],
  ["max-stale without bound", "max-age=60", 9999, { "cache-control": "max-stale" }, "hit stale"],
  [
    "max-stale, must-revalidate",
    "max-age=60, must-revalidate",
    61,
    { "cache-control": "max-stale" },
    "revalidate stale",
  ],
  [
    "max-stale, proxy-revalidate",
    "max-age=60, proxy-revalidate",
    61,
    { "cache-control": "max-stale" },
    "revalidate stale",
  ],
  ["max-stale, s-maxage", "s-maxage=60", 61, { "cache-control": "max-stale" }, "revalidate stale"],
  ["max-stale, no-cache", "max-age=60, no-cache", 1, { "cache-control": "max-stale" }, "revalidate stale"],
  // 5.2.1.7
  ["only-if-cached, fresh", "max-age=60", 1, { "cache-control": "only-if-cached" }, "hit"],
  ["only-if-cached, stale", "max-age=60", 61, { "cache-control": "only-if-cached" }, "miss only-if-cached"],
  ["only-if-cached, max-stale", "max-age=60", 61, { "cache-control": "only-if-cached, max-stale" }, "hit stale"],
  ["only-if-cached, no-cache", "max-age=60", 1, { "cache-control": "only-if-cached, no-cache" }, "miss only-if-cached"],
  // 5.2.1.5: what is stored already may be used
  ["request no-store, fresh", "max-age=60", 1, { "cache-control": "no-store" }, "hit"],
  ["request no-store, stale", "max-age=60", 61, { "cache-control": "no-store" }, "pass request-no-store"],
  // 3.5
  ["credentials", "max-age=60", 1, { authorization: "x" }, "pass authorization"],
  [
    "credentials, only-if-cached",
    "max-age=60",
    1,
    { authorization: "x", "cache-control": "only-if-cached" },
    "miss only-if-cached",
  ],
  ["credentials, public", "public, max-age=60", 1, { authorization: "x" }, "hit"],
  ["credentials, must-revalidate", "max-age=60, must-revalidate", 1, { authorization: "x" }, "hit"],
  ["credentials, s-maxage", "s-maxage=60", 1, { authorization: "x" }, "hit"],
  ["credentials, unreadable s-maxage", "s-maxage=x", 0, { authorization: "x" }, "pass authorization"],
  ["credentials, public, stale", "public, max-age=60", 61, { authorization: "x" }, "revalidate stale alone"],
];

test("plan() with a stored response", () => {
  for (const [name, cacheControl, afterSeconds, request, expected] of STORED) {
    const headers = cacheControl === "" ? [] : ["Cache-Control", cacheControl];
    expect([name, brief(planAfter(afterSeconds, stored(headers), request))]).toEqual([name, expected]);
    // RFC 9110 9.3.2: HEAD is answered like GET.
    const entry = stored([...headers, "ETag", '"1"']);
    expect([name, brief(planAfter(afterSeconds, entry, request, "HEAD"))]).toEqual([name, expected]);
  }
});

test("plan() asks with HEAD what only a GET for all of the content could confirm", () => {
  const entry = stored(["Cache-Control", "max-age=60"]);
  expect(brief(planAfter(61, entry, {}, "HEAD"))).toBe("pass head-stale");
  expect(brief(planAfter(1, entry, { "cache-control": "no-cache" }, "HEAD"))).toBe("revalidate request");
  expect(brief(planAfter(61, entry, { "cache-control": "only-if-cached" }, "HEAD"))).toBe("miss only-if-cached");
});

test("plan() passes other methods whatever is stored", () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]) {
    expect(brief(planAfter(1, stored(["Cache-Control", "max-age=60"]), {}, method))).toBe("pass method");
  }
});

test("plan() tells age and remaining freshness in whole seconds", () => {
  const entry = stored(["Cache-Control", "max-age=60", "Age", "7"]);
  expect(planAfter(10.9, entry)).toEqual({ kind: "hit", ageSeconds: 17, freshSeconds: 43, stale: false });
  expect(planAfter(70, entry)).toMatchObject({ kind: "revalidate", ageSeconds: 77, freshSeconds: -17 });
});

test("plan() asks with every usable validator", () => {
  const etag = '"v1"';
  const cases: [headers: string[], expected: string[]][] = [
    [
      ["ETag", etag],
      ["If-None-Match", etag],
    ],
    [
      ["Last-Modified", MODIFIED],
      ["If-Modified-Since", MODIFIED],
    ],
    [
      ["etag", 'W/"1"', "last-modified", MODIFIED],
      ["If-None-Match", 'W/"1"', "If-Modified-Since", MODIFIED],
    ],
    [
      ["ETag", "unquoted"],
      ["If-None-Match", "unquoted"],
    ],
    [["ETag", '"a"', "ETag", '"b"'], []],
    [["ETag", '"a b"'], []],
    [["Last-Modified", "yesterday"], []],
    [[], []],
  ];
  for (const [headers, expected] of cases) {
    expect([headers, planAfter(1, stored(headers))]).toMatchObject([
      headers,
      { kind: "revalidate", conditions: expected },
    ]);
  }
});

test("plan() says how long a stale response may stand in for an error (RFC 5861 4)", () => {
  const cases: [cacheControl: string, siteSeconds: number, afterSeconds: number, expected: number][] = [
    ["max-age=60", 0, 61, 0],
    ["max-age=60, stale-if-error=100", 0, 60, 100],
    ["max-age=60, stale-if-error=100", 0, 61, 99],
    ["max-age=60, stale-if-error=100", 0, 161, 0],
    ["max-age=60", 50, 61, 49],
    ["max-age=60, stale-if-error=x", 50, 61, 0],
    ["max-age=60, stale-if-error=0", 50, 61, 0],
    ["max-age=60, must-revalidate, stale-if-error=100", 50, 61, 0],
    ["s-maxage=60, stale-if-error=100", 50, 61, 0],
    ["no-cache, stale-if-error=100", 50, 1, 0],
    // The site's own say is for what was fresh once.
    ["max-age=0", 50, 1, 0],
    ["", 50, 1, 0],
    ["max-age=0, stale-if-error=100", 50, 1, 99],
  ];
  for (const [cacheControl, staleIfErrorSeconds, afterSeconds, expected] of cases) {
    const entry = stored(["Cache-Control", cacheControl]);
    const found = planAfter(afterSeconds, entry, {}, "GET", { ...DEFAULT_POLICY, staleIfErrorSeconds });
    expect([cacheControl, found]).toMatchObject([cacheControl, { staleOnErrorSeconds: expected }]);
  }
});

test("plan() guesses freshness only for a site that asked for it", () => {
  const headers = ["Date", formatHttpDate(STORED_AT_MS), "Last-Modified", MODIFIED];
  const guessing = { ...DEFAULT_POLICY, heuristicFraction: 0.1 };
  const briefly = (seconds: number, entry: StoredResponse) => brief(planAfter(seconds, entry, {}, "GET", guessing));
  expect(brief(planAfter(1, stored(headers)))).toBe("revalidate stale");
  expect(briefly(1, stored(headers))).toBe("hit");
  expect(briefly(8640, stored(headers))).toBe("revalidate stale");
  expect(briefly(1, stored([...headers, "Cache-Control", "max-age=0"]))).toBe("revalidate stale");
  // RFC 9110 15.1: not every status may be guessed about, unless the origin says public.
  expect(briefly(1, stored(headers, 500))).toBe("revalidate stale");
  expect(briefly(1, stored([...headers, "Cache-Control", "public"], 500))).toBe("hit");
  // At most a day.
  const ancient = ["Last-Modified", formatHttpDate(STORED_AT_MS - 1e12)];
  expect([briefly(86_399, stored(ancient)), briefly(86_400, stored(ancient))]).toEqual(["hit", "revalidate stale"]);
});

test("plan() keeps failures for as long as the site says, where the origin says nothing", () => {
  const options = { ...DEFAULT_POLICY, negative: { notFoundSeconds: 10, serverErrorSeconds: 5 } };
  const cases: [status: number, cacheControl: string, afterSeconds: number, expected: string][] = [
    [404, "", 9, "hit"],
    [404, "", 10, "revalidate stale"],
    [410, "", 9, "hit"],
    [404, "max-age=0", 1, "revalidate stale"],
    [404, "max-age=60", 50, "hit"],
    [503, "", 4, "hit"],
    [503, "", 5, "revalidate stale"],
    [400, "", 1, "revalidate stale"],
    [431, "", 1, "revalidate stale"],
    [501, "", 1, "revalidate stale"],
    [200, "", 1, "revalidate stale"],
  ];
  for (const [status, cacheControl, afterSeconds, expected] of cases) {
    const found = planAfter(afterSeconds, stored(["Cache-Control", cacheControl], status), {}, "GET", options);
    expect([status, cacheControl, brief(found)]).toEqual([status, cacheControl, expected]);
  }
});

const RENEWED: [
  cacheControl: string,
  siteSeconds: number,
  afterSeconds: number,
  request: RequestHeaders,
  expected: string,
][] = [
  // RFC 5861 3
  ["max-age=60, stale-while-revalidate=30", 0, 59, {}, "hit"],
  ["max-age=60, stale-while-revalidate=30", 0, 60, {}, "hit stale, renew"],
  ["max-age=60, stale-while-revalidate=30", 0, 90, {}, "hit stale, renew"],
  ["max-age=60, stale-while-revalidate=30", 0, 91, {}, "revalidate stale"],
  ["max-age=60, stale-while-revalidate=x", 30, 61, {}, "revalidate stale"],
  ["max-age=60, stale-while-revalidate=0", 30, 60, {}, "revalidate stale"],
  ["max-age=60", 30, 61, {}, "hit stale, renew"],
  ["max-age=60", 0, 60, {}, "revalidate stale"],
  ["max-age=0", 30, 1, {}, "revalidate stale"],
  ["max-age=0, stale-while-revalidate=30", 0, 1, {}, "hit stale, renew"],
  // RFC 9111 4.2.4
  ["max-age=60, must-revalidate, stale-while-revalidate=30", 30, 61, {}, "revalidate stale"],
  ["s-maxage=60, stale-while-revalidate=30", 30, 61, {}, "revalidate stale"],
  ["no-cache, stale-while-revalidate=30", 30, 1, {}, "revalidate stale"],
  // 5.2.1
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "no-cache" }, "revalidate stale"],
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "max-age=60" }, "revalidate stale"],
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "max-age=70" }, "hit stale, renew"],
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "min-fresh=0" }, "revalidate stale"],
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "no-store" }, "pass request-no-store"],
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "only-if-cached" }, "hit stale, renew"],
  ["max-age=60, stale-while-revalidate=30", 0, 61, { "cache-control": "max-stale" }, "hit stale"],
  ["public, max-age=60, stale-while-revalidate=30", 0, 61, { authorization: "x" }, "revalidate stale alone"],
];

test("plan() answers stale and renews where that is allowed", () => {
  for (const [cacheControl, staleWhileRevalidateSeconds, afterSeconds, request, expected] of RENEWED) {
    const entry = stored(["Cache-Control", cacheControl, "ETag", '"1"']);
    const found = planAfter(afterSeconds, entry, request, "GET", { ...DEFAULT_POLICY, staleWhileRevalidateSeconds });
    expect([cacheControl, afterSeconds, request, brief(found)]).toEqual([
      cacheControl,
      afterSeconds,
      request,
      expected,
    ]);
    if (found.kind === "hit" && found.renewal) expect(found.renewal.conditions).toEqual(["If-None-Match", '"1"']);
  }
});

test("plan() does not let a reload ask again for what cannot have changed (RFC 8246 2)", () => {
  const entry = stored(["Cache-Control", "max-age=60, immutable"]);
  const cases: [seconds: number, cacheControl: string, expected: string][] = [
    [10, "max-age=0", "hit"],
    [10, "max-age=5", "hit"],
    [10, "no-cache", "revalidate request"],
    [60, "max-age=0", "revalidate stale"],
  ];
  for (const [seconds, value, expected] of cases)
    expect([value, brief(planAfter(seconds, entry, { "cache-control": value }))]).toEqual([value, expected]);
});

test("plan() never throws, and an ordinary request never gets a stale hit", () => {
  const line = fc.tuple(fc.constantFrom("Cache-Control", "Expires", "Age", "Date", "ETag", "Pragma"), fc.string());
  const request = fc.dictionary(fc.constantFrom("cache-control", "pragma", "authorization", "range"), fc.string());
  fc.assert(
    fc.property(fc.array(line), request, fc.string(), fc.integer(), (lines, headers, method, seconds) => {
      const entry = stored(lines.flat());
      for (const each of [method, "GET", "HEAD"]) planAfter(seconds, entry, headers, each);
      const ordinary = planAfter(seconds, entry);
      if (ordinary.kind === "hit") expect(ordinary.freshSeconds).toBeGreaterThan(0);
    }),
  );
});
