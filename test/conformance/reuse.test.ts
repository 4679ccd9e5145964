import { expect, test } from "bun:test";
import { type Fate, startStage, withDate } from "./stage.ts";

const CC = "Cache-Control";
const CDN = "CDN-Cache-Control";
const TAG = ["ETag", '"1"'];
const MODIFIED = ["Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT"];

type Row = [section: string, origin: string[], afterSeconds: number, request: Record<string, string>, expected: Fate];

/** A first GET is answered with the fields, where "@60" is a date 60 seconds on; so many seconds later a second GET with these fields meets this fate. */
const ROWS: Row[] = [
  // Nothing said: not reused unasked, and never guessed about.
  ["9111 4.2", [], 0, {}, "asked"],
  ["9111 4.2.2", MODIFIED, 0, {}, "validated"],
  ["9111 4.3.1", TAG, 0, {}, "validated"],
  // max-age.
  ["9111 5.2.2.1", [CC, "max-age=60"], 59, {}, "hit"],
  ["9111 5.2.2.1", [CC, "max-age=60"], 60, {}, "asked"],
  ["9111 5.2.2.1", [CC, "max-age=60", ...TAG], 60, {}, "validated"],
  ["9111 5.2.2.1", [CC, "max-age=0"], 0, {}, "asked"],
  ["9111 1.2.2", [CC, "max-age=2147483648"], 100_000, {}, "hit"],
  ["9111 1.2.2", [CC, "max-age=99999999999"], 100_000, {}, "hit"],
  ["9111 5.2", [CC, "MaX-aGe=60"], 1, {}, "hit"],
  ["9111 5.2", [CC, 'max-age="60"'], 1, {}, "hit"],
  ["9111 5.2.3", [CC, "foobar, max-age=60, x=y"], 1, {}, "hit"],
  ["9111 4.2.1", [CC, "max-age=60, max-age=1"], 0, {}, "asked"],
  ["9111 4.2.1", [CC, "max-age=x"], 0, {}, "asked"],
  ["9111 4.2.1", [CC, "max-age=60.5"], 0, {}, "asked"],
  ["9111 4.2.1", [CC, "max-age=-60"], 0, {}, "asked"],
  ["9111 4.2.1", [CC, "max-age =60"], 0, {}, "asked"],
  ["9111 4.2.1", [CC, "max-age"], 0, {}, "asked"],
  // s-maxage.
  ["9111 5.2.2.10", [CC, "max-age=1, s-maxage=60"], 30, {}, "hit"],
  ["9111 5.2.2.10", [CC, "max-age=60, s-maxage=1"], 30, {}, "asked"],
  ["9111 5.2.2.10", [CC, "s-maxage=60", "Expires", "@-60"], 30, {}, "hit"],
  // Expires.
  ["9111 5.3", ["Expires", "@60"], 59, {}, "hit"],
  ["9111 5.3", ["Expires", "@60"], 60, {}, "asked"],
  ["9111 5.3", ["Expires", "@-60"], 0, {}, "asked"],
  ["9111 5.3", ["Expires", "0"], 0, {}, "asked"],
  ["9111 5.3", ["Expires", "@60", CC, "max-age=1"], 30, {}, "asked"],
  ["9111 5.3", ["Expires", "@1", CC, "max-age=60"], 30, {}, "hit"],
  ["9110 5.6.7", ["Expires", "@60 rfc850"], 30, {}, "hit"],
  ["9110 5.6.7", ["Expires", "@60 asctime"], 30, {}, "hit"],
  ["9110 5.6.7", ["Expires", "22 Nov 2026 12:01"], 0, {}, "asked"],
  // Age and clocks.
  ["9111 4.2.3", [CC, "max-age=60", "Age", "30"], 29, {}, "hit"],
  ["9111 4.2.3", [CC, "max-age=60", "Age", "30"], 30, {}, "asked"],
  ["9111 5.1", [CC, "max-age=60", "Age", "abc"], 30, {}, "hit"],
  ["9111 5.1", [CC, "max-age=60", "Age", "-90"], 30, {}, "hit"],
  ["9111 5.1", [CC, "max-age=60", "Age", "7200, 0"], 0, {}, "asked"],
  ["9111 5.1", [CC, "max-age=60", "Age", "0, 7200"], 0, {}, "hit"],
  ["9111 4.2.3", [CC, "max-age=60", "Date", "@-50"], 9, {}, "hit"],
  ["9111 4.2.3", [CC, "max-age=60", "Date", "@-50"], 10, {}, "asked"],
  ["9111 4.2.3", [CC, "max-age=60", "Date", "@50"], 59, {}, "hit"],
  // What may be stored, and what needs consent.
  ["9111 5.2.2.5", [CC, "no-store, max-age=60", ...TAG], 0, {}, "asked"],
  ["9111 5.2.2.5", [CC, "No-StOrE, max-age=60"], 0, {}, "asked"],
  ["9111 5.2.2.7", [CC, "private, max-age=60", ...TAG], 0, {}, "asked"],
  ["9111 5.2.2.7", [CC, 'private="set-cookie", max-age=60'], 0, {}, "asked"],
  ["9111 5.2.2.4", [CC, "no-cache, max-age=60", ...TAG], 0, {}, "validated"],
  ["9111 5.2.2.4", [CC, "no-cache, max-age=60"], 0, {}, "asked"],
  ["9111 5.2.2.3", [CC, "no-store, must-understand, max-age=60"], 1, {}, "hit"],
  ["9111 7.3", [CC, "max-age=60", "Set-Cookie", "a=b"], 0, {}, "asked"],
  ["9111 5.4", ["Pragma", "no-cache", CC, "max-age=60"], 1, {}, "hit"],
  ["9110 12.5.5", [CC, "max-age=60", "Vary", "*"], 0, {}, "asked"],
  // Authorization.
  ["9111 3.5", [CC, "max-age=60"], 1, { Authorization: "Basic x" }, "asked"],
  ["9111 3.5", [CC, "max-age=60, public"], 1, { Authorization: "Basic x" }, "hit"],
  ["9111 3.5", [CC, "max-age=60, must-revalidate"], 1, { Authorization: "Basic x" }, "hit"],
  ["9111 3.5", [CC, "s-maxage=60"], 1, { Authorization: "Basic x" }, "hit"],
  // Request directives.
  ["9111 5.2.1.4", [CC, "max-age=60", ...TAG], 1, { "Cache-Control": "no-cache" }, "validated"],
  ["9111 5.2.1.4", [CC, "max-age=60"], 1, { Pragma: "no-cache" }, "asked"],
  ["9111 5.4", [CC, "max-age=60"], 1, { Pragma: "no-cache", "Cache-Control": "foo" }, "hit"],
  ["9111 5.2.1.1", [CC, "max-age=60"], 1, { "Cache-Control": "max-age=0" }, "asked"],
  ["9111 5.2.1.1", [CC, "max-age=60"], 10, { "Cache-Control": "max-age=10" }, "hit"],
  ["9111 5.2.1.1", [CC, "max-age=60"], 11, { "Cache-Control": "max-age=10" }, "asked"],
  ["9111 5.2.1.3", [CC, "max-age=60"], 30, { "Cache-Control": "min-fresh=30" }, "hit"],
  ["9111 5.2.1.3", [CC, "max-age=60"], 31, { "Cache-Control": "min-fresh=30" }, "asked"],
  ["9111 5.2.1.2", [CC, "max-age=60"], 90, { "Cache-Control": "max-stale=30" }, "hit"],
  ["9111 5.2.1.2", [CC, "max-age=60"], 91, { "Cache-Control": "max-stale=30" }, "asked"],
  ["9111 5.2.1.2", [CC, "max-age=60, must-revalidate"], 61, { "Cache-Control": "max-stale" }, "asked"],
  ["9111 5.2.1.2", [CC, "max-age=60, proxy-revalidate"], 61, { "Cache-Control": "max-stale" }, "asked"],
  ["9111 5.2.1.2", [CC, "s-maxage=60"], 61, { "Cache-Control": "max-stale" }, "asked"],
  ["9111 5.2.1.5", [CC, "max-age=60"], 1, { "Cache-Control": "no-store" }, "hit"],
  ["9111 5.2.1.5", [CC, "max-age=60"], 61, { "Cache-Control": "no-store" }, "asked"],
  ["9111 5.2.1.7", [CC, "max-age=60"], 1, { "Cache-Control": "only-if-cached" }, "hit"],
  ["8246 2", [CC, "max-age=60, immutable"], 1, { "Cache-Control": "max-age=0" }, "hit"],
  // Targeted directives.
  ["9213 2.2", [CDN, "max-age=60"], 30, {}, "hit"],
  ["9213 2.2", [CDN, "max-age=60", CC, "no-store"], 30, {}, "hit"],
  ["9213 2.2", [CDN, "max-age=1", CC, "max-age=60"], 30, {}, "asked"],
  ["9213 2.2", [CDN, "max-age=60", "Expires", "0"], 30, {}, "hit"],
  ["9213 2.2", [CDN, "max-age=0", "Expires", "@60"], 0, {}, "asked"],
  ["9213 2.2", [CDN, "no-store", CC, "max-age=60"], 0, {}, "asked"],
  ["9213 2.2", [CDN, "private", CC, "max-age=60"], 0, {}, "asked"],
  ["9213 2.2", [CDN, "no-cache", CC, "max-age=60"], 0, {}, "asked"],
  ["9213 2.1", [CDN, "max-age=60, &&&", CC, "no-store"], 0, {}, "asked"],
  ["9213 2.1", [CDN, 'max-age="60"', CC, "no-store"], 0, {}, "asked"],
  ["9213 2.1", [CDN, "", CC, "max-age=60"], 30, {}, "hit"],
  ["9111 4.2.3", [CDN, "max-age=60", "Age", "90"], 0, {}, "asked"],
  // Surrogate-Control is not heard: it is no standard, and says the same as CDN-Cache-Control.
  ["9111 5.2", ["Surrogate-Control", "max-age=60"], 0, {}, "asked"],
];

test(`the Router reuses answers as the RFCs say (${ROWS.length} cases)`, async () => {
  await using stage = await startStage();
  const wrong: unknown[] = [];
  for (const [i, [section, headers, afterSeconds, request, expected]] of ROWS.entries()) {
    stage.script(`/${i}`, { headers: headers.map((value) => withDate(value, stage.clock)) });
    await stage.ask(`/${i}`);
    await stage.clock.advance(afterSeconds * 1000);
    const { fate } = await stage.ask(`/${i}`, { headers: request });
    if (fate !== expected) wrong.push([section, headers, afterSeconds, request, `expected ${expected}, found ${fate}`]);
  }
  expect(wrong).toEqual([]);
}, 60_000);
