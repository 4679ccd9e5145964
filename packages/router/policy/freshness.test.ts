import { expect, test } from "bun:test";
import { formatHttpDate } from "@neson/kit/http/date";
import fc from "fast-check";
import {
  currentAgeSeconds,
  freshnessLifetimeSeconds,
  initialAgeMs,
  type ReceivedResponse,
  unchangedSeconds,
} from "./freshness.ts";
import { governingDirectives } from "./targeted.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0) + 400;

/** Seconds from now as an HTTP-date. */
function at(seconds: number): string {
  return formatHttpDate(NOW_MS + seconds * 1000);
}

function received(headers: string[], delayMs = 0): ReceivedResponse {
  return { status: 200, headers, requestTimeMs: NOW_MS - delayMs, responseTimeMs: NOW_MS };
}

const LIFETIMES: [name: string, headers: string[], expected: number | undefined][] = [
  ["nothing stated", [], undefined],
  ["max-age", ["Cache-Control", "max-age=60"], 60],
  ["s-maxage before max-age, whatever the order", ["Cache-Control", "max-age=60, s-maxage=5"], 5],
  ["s-maxage=0 before max-age", ["Cache-Control", "s-maxage=0, max-age=60"], 0],
  ["max-age before Expires", ["Expires", at(9), "Cache-Control", "max-age=60"], 60],
  ["max-age=0 before Expires", ["Expires", at(9), "Cache-Control", "max-age=0"], 0],
  ["Expires minus Date", ["Date", at(-10), "Expires", at(20)], 30],
  ["Expires without Date counts from arrival", ["Expires", at(20)], 20],
  ["Expires in the past", ["Date", at(0), "Expires", at(-20)], 0],
  ["Expires equal to Date", ["Date", at(0), "Expires", at(0)], 0],
  ["Expires: 0", ["Expires", "0"], 0],
  ["Expires that is no date", ["Expires", "tomorrow"], 0],
  ["Expires twice the same", ["Date", at(0), "Expires", at(20), "Expires", at(20)], 20],
  ["Expires twice, differing", ["Date", at(0), "Expires", at(20), "Expires", at(90)], 0],
  ["an origin clock that is behind", ["Date", at(-3600), "Expires", at(-3540)], 60],
  ["an invalid max-age hides a good Expires", ["Cache-Control", "max-age=x", "Expires", at(20)], 0],
  ["an invalid s-maxage hides a good max-age", ["Cache-Control", "s-maxage=x, max-age=60"], 0],
  ["max-age twice, differing", ["Cache-Control", "max-age=60", "Cache-Control", "max-age=5"], 0],
  ["max-age twice, the same", ["Cache-Control", "max-age=60", "cache-control", "max-age=60"], 60],
];

test("freshnessLifetimeSeconds() follows RFC 9111 4.2.1", () => {
  for (const [name, headers, expected] of LIFETIMES) {
    expect([name, freshnessLifetimeSeconds(received(headers), governingDirectives(headers))]).toEqual([name, expected]);
  }
});

const AGES: [name: string, headers: string[], delayMs: number, expectedMs: number][] = [
  ["nothing stated", [], 0, 0],
  ["a Date of this very second", ["Date", at(0)], 0, 0],
  ["Date in the past", ["Date", at(-30)], 0, 30_000],
  ["Date in the future", ["Date", at(30)], 0, 0],
  ["Age", ["Age", "7"], 0, 7_000],
  ["Age plus the time the answer took", ["Age", "7"], 1_500, 8_500],
  ["the time the answer took alone", [], 1_500, 1_500],
  ["the larger of Age and Date", ["Age", "7", "Date", at(-30)], 0, 30_000],
  ["of several Ages the first", ["Age", "7, 90"], 0, 7_000],
  ["of several Age lines the first", ["Age", "7", "Age", "90"], 0, 7_000],
  ["Age that is no number is ignored", ["Age", "abc"], 0, 0],
  ["negative Age is ignored", ["Age", "-7"], 0, 0],
  ["fractional Age is ignored", ["Age", "7.5"], 0, 0],
  ["Age beyond all bounds", ["Age", "99999999999999"], 0, 2 ** 31 * 1000],
  ["Date that is no date", ["Date", "now"], 0, 0],
  ["two Dates: the older", ["Date", at(0), "Date", at(-30)], 0, 30_000],
];

test("initialAgeMs() follows RFC 9111 4.2.3", () => {
  for (const [name, headers, delayMs, expectedMs] of AGES) {
    expect([name, initialAgeMs(received(headers, delayMs))]).toEqual([name, expectedMs]);
  }
});

test("currentAgeSeconds() grows with time and never shrinks when the clock goes back", () => {
  const facts = { initialAgeMs: 2_500, responseTimeMs: NOW_MS };
  expect(currentAgeSeconds(facts, NOW_MS)).toBe(2);
  expect(currentAgeSeconds(facts, NOW_MS + 10_500)).toBe(13);
  expect(currentAgeSeconds(facts, NOW_MS - 60_000)).toBe(2);
});

test("unchangedSeconds() counts from the last modification to the answer", () => {
  expect(unchangedSeconds(received(["Date", at(0), "Last-Modified", at(-1000)]))).toBe(1000);
  expect(unchangedSeconds(received(["Last-Modified", at(50)]))).toBe(0);
  expect(unchangedSeconds(received(["Last-Modified", "x"]))).toBe(0);
  expect(unchangedSeconds(received([]))).toBe(0);
});

test("freshness and age are finite and never negative, whatever the origin sends", () => {
  const value = fc.oneof(fc.string(), fc.integer().map(String), fc.integer({ min: -1e6, max: 1e6 }).map(at));
  const name = fc.constantFrom("Age", "Date", "Expires", "Cache-Control", "Last-Modified");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), fc.integer({ min: -5_000, max: 60_000 }), (pairs, delayMs) => {
      const response = received(pairs.flat(), delayMs);
      const lifetime = freshnessLifetimeSeconds(response, governingDirectives(response.headers)) ?? 0;
      for (const number of [lifetime, initialAgeMs(response)]) {
        expect(Number.isFinite(number)).toBe(true);
        expect(number).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
