import { expect, test } from "bun:test";
import fc from "fast-check";
import { secondsOf } from "./cache-control.ts";
import { governingDirectives } from "./targeted.ts";

const CC = "Cache-Control";
const CDN = "CDN-Cache-Control";

/** What decides, its max-age, and its directives. */
const CASES: [name: string, headers: string[], isTargeted: boolean, maxAge: unknown, names: string[]][] = [
  ["Cache-Control alone", [CC, "max-age=5, private"], false, 5, ["max-age", "private"]],
  // RFC 9213 2.2
  ["the targeted field wins", [CC, "max-age=5, no-store", CDN, "max-age=60"], true, 60, ["max-age"]],
  ["its name has no case", [CC, "no-store", "cdn-cache-control", "max-age=60"], true, 60, ["max-age"]],
  ["lines are one list", [CDN, "max-age=60", CDN, "private"], true, 60, ["max-age", "private"]],
  ["of a directive given twice the last counts", [CDN, "max-age=60, max-age=5"], true, 5, ["max-age"]],
  ["unknown directives are left alone", [CDN, "foobar, max-age=60, x=(a b)"], true, 60, ["foobar", "max-age", "x"]],
  ["parameters are ignored", [CDN, "max-age=60;a=1"], true, 60, ["max-age"]],
  // RFC 9213 2.1
  ["empty counts as absent", [CC, "max-age=5", CDN, ""], false, 5, ["max-age"]],
  ["an error anywhere makes all of it absent", [CC, "max-age=5", CDN, "max-age=60, &&&"], false, 5, ["max-age"]],
  ["upper case is an error", [CC, "max-age=5", CDN, "Max-Age=60"], false, 5, ["max-age"]],
  ["space around = is an error", [CC, "max-age=5", CDN, "max-age= 60"], false, 5, ["max-age"]],
  [
    "more digits than an Integer has are an error",
    [CC, "max-age=5", CDN, `max-age=${"9".repeat(16)}`],
    false,
    5,
    ["max-age"],
  ],
  ["a string is no number", [CC, "max-age=5", CDN, 'max-age="60"'], true, "invalid", ["max-age"]],
  ["a fraction is no number of seconds", [CDN, "max-age=60.5"], true, "invalid", ["max-age"]],
  ["a negative number is none", [CDN, "max-age=-1"], true, "invalid", ["max-age"]],
  ["false says nothing good", [CDN, "no-store=?0"], true, undefined, ["no-store"]],
  ["the largest", [CDN, "max-age=99999999999"], true, 2 ** 31, ["max-age"]],
];

test("governingDirectives() follows RFC 9213", () => {
  for (const [name, headers, isTargeted, maxAge, names] of CASES) {
    const found = governingDirectives(headers);
    const seen: unknown[] = [
      name,
      found.isTargeted,
      secondsOf(found.directives, "max-age"),
      [...found.directives.keys()],
    ];
    expect(seen).toEqual([name, isTargeted, maxAge, names]);
  }
});

test("governingDirectives() takes anything without throwing", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      governingDirectives([CDN, text]);
    }),
  );
});
