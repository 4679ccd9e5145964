import { expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_DELTA_SECONDS, parseCacheControl, requestDirectives, secondsOf } from "./cache-control.ts";

const SECONDS: [line: string | string[], expected: number | "invalid" | undefined][] = [
  ["max-age=60", 60],
  ["MAX-AGE=60", 60],
  ["public, max-age=60", 60],
  ["public,max-age=60,", 60],
  [",,max-age=60", 60],
  ['max-age="60"', 60],
  ['max-age="6\\0"', 60],
  ["max-age=060", 60],
  [["public", "max-age=60"], 60],
  ["max-age=60, max-age=60", 60],
  ["max-age=99999999999999999999", MAX_DELTA_SECONDS],
  ["max-age=0", 0],
  ['ext="a, max-age=9", max-age=60', 60],
  ['ext="a\\", max-age=9", max-age=60', 60],
  ["no-cache", undefined],
  ["xmax-age=60", undefined],
  ["max-age-x=60", undefined],
  ["max-age", "invalid"],
  ["max-age=", "invalid"],
  ["max-age=-1", "invalid"],
  ["max-age=1.5", "invalid"],
  ["max-age=1e3", "invalid"],
  ["max-age=60s", "invalid"],
  ["max-age='60'", "invalid"],
  ['max-age="60', "invalid"],
  ["max-age =60", "invalid"],
  ["max-age= 60", "invalid"],
  ["max-age=60;public", "invalid"],
  ["max-age=60, max-age=0", "invalid"],
  [["max-age=60", "max-age=61"], "invalid"],
  ["max-age=60, max-age", "invalid"],
];

test("secondsOf() reads what is valid and distrusts the rest", () => {
  for (const [line, expected] of SECONDS) {
    expect([line, secondsOf(parseCacheControl(line), "max-age")]).toEqual([line, expected]);
  }
});

test("parseCacheControl() keeps a prohibition visible whatever surrounds it", () => {
  for (const line of [
    "no-store",
    "No-Store",
    " no-store ",
    'ext="unclosed, no-store',
    "no-store=1",
    'a="x",no-store',
    "a=b c, no-store",
    "@@, no-store",
    'max-age="1, no-store',
  ]) {
    expect([line, parseCacheControl(line).has("no-store")]).toEqual([line, true]);
  }
  expect(parseCacheControl('ext="no-store"').has("no-store")).toBe(false);
  expect(parseCacheControl('ext="a, no-store, b"').has("no-store")).toBe(false);
});

test("parseCacheControl() never throws and gives lower-case token names", () => {
  const pieces = fc.constantFrom("max-age", "no-store", "=", '"', "\\", ",", " ", "\t", "5", "ü", "\0", "MAX-AGE=1");
  const line = fc.oneof(
    fc.string(),
    fc.array(pieces).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      for (const name of parseCacheControl(lines).keys()) expect(name).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
    }),
  );
});

test("parseCacheControl() reads back any list of tokens and quoted strings", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const value = fc.string({ unit: fc.constantFrom("a", "1", " ", ",", '"', "\\", "=") });
  fc.assert(
    fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (wanted) => {
      const line = Object.entries(wanted)
        .map(([key, text]) => `${key}="${text.replace(/["\\]/g, "\\$&")}"`)
        .join(", ");
      const found = [...parseCacheControl(line)].map(([key, directive]) => [key, directive.values[0]]);
      expect(Object.fromEntries(found)).toEqual(wanted);
    }),
  );
});

test("requestDirectives() takes what it cannot read in its strictest meaning", () => {
  expect(requestDirectives("max-age=x, min-fresh=x, max-stale=x", undefined)).toEqual({
    noStore: false,
    noCache: false,
    onlyIfCached: false,
    maxAgeSeconds: 0,
    minFreshSeconds: Number.POSITIVE_INFINITY,
    maxStaleSeconds: undefined,
  });
  expect(requestDirectives("max-stale", undefined).maxStaleSeconds).toBe(Number.POSITIVE_INFINITY);
  expect(requestDirectives("max-stale, max-stale=5", undefined).maxStaleSeconds).toBeUndefined();
});

test("requestDirectives() heeds Pragma only without Cache-Control", () => {
  expect(requestDirectives(undefined, "no-cache").noCache).toBe(true);
  expect(requestDirectives(undefined, "x, no-cache").noCache).toBe(true);
  expect(requestDirectives("max-age=60", "no-cache").noCache).toBe(false);
  expect(requestDirectives(undefined, "foo").noCache).toBe(false);
});
