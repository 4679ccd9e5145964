import { expect, test } from "bun:test";
import fc from "fast-check";
import { type RequestHeaders, selectVariant, type VaryField, varyOf } from "./vary.ts";

function entry(vary: VaryField[], responseTimeMs: number) {
  return { vary, responseTimeMs };
}

test("varyOf() notes the request's values under sorted lower-case names", () => {
  const request = { accept: "a", "x-two": ["1", "2"] };
  const found = varyOf(["Vary", "X-Two, Accept", "vary", "accept, X-None,"], request);
  expect(found).toEqual({
    vary: [
      ["accept", "a"],
      ["x-none", null],
      ["x-two", "1, 2"],
    ],
    variantKey: '[["accept","a"],["x-none",null],["x-two","1, 2"]]',
  });
});

test("varyOf() gives no variant key to a response that does not vary", () => {
  expect(varyOf(["ETag", '"1"'], {})).toEqual({ vary: [], variantKey: "" });
  expect(varyOf(["Vary", " , "], {})).toEqual({ vary: [], variantKey: "" });
});

test("varyOf() takes * and what is no field name as matching nothing", () => {
  for (const value of ["*", "accept, *", "*, accept", "a b", '"accept"', "a:b"])
    expect(varyOf(["Vary", value], {})).toBe("star");
});

test("varyOf() does not mistake what every object has for a request field", () => {
  expect(varyOf(["Vary", "constructor, __proto__"], {})).toMatchObject({
    vary: [
      ["__proto__", null],
      ["constructor", null],
    ],
  });
});

const MATCHES: [name: string, stored: string | null, now: string | string[] | undefined, expected: boolean][] = [
  ["the same", "gzip", "gzip", true],
  ["another", "gzip", "br", false],
  ["absent then, absent now", null, undefined, true],
  ["absent then, present now", null, "gzip", false],
  ["present then, absent now", "gzip", undefined, false],
  ["empty is not absent", null, "", false],
  ["other case", "gzip", "GZIP", false],
  ["other order", "a, b", "b, a", false],
  ["white space around commas", "a, b", "a ,b", true],
  ["lines combined", "a, b", ["a", "b"], true],
  ["commas in quoted strings", '"a, b"', '"a,b"', false],
];

test("selectVariant() matches by the values, evening out only white space and lines", () => {
  for (const [name, value, now, expected] of MATCHES) {
    const found = selectVariant([entry([["accept", value]], 1)], { accept: now });
    expect([name, found !== undefined]).toEqual([name, expected]);
  }
});

const LANGUAGES: [stored: string, now: string, expected: boolean][] = [
  ["en, de", "eN,De", true],
  ["en, de;q=0.5", "en;q=1.0 ,de ; q=0.5", true],
  ["en", "en;q=1", true],
  ["en", "en;q=0.1", false],
  ["en, de", "de, en", false],
];

test("selectVariant() knows that languages have no case, and a weight of 1 is none", () => {
  for (const [value, now, expected] of LANGUAGES) {
    const noted = varyOf(["Vary", "Accept-Language"], { "accept-language": value });
    if (noted === "star") throw new Error("a name expected, no star");
    const found = selectVariant([{ ...noted, responseTimeMs: 1 }], { "accept-language": now });
    expect([value, now, found !== undefined]).toEqual([value, now, expected]);
  }
});

test("varyOf() adds the fields that the site names", () => {
  const request = { "x-device": "tv", accept: "a" };
  expect(varyOf([], request, ["x-device"])).toMatchObject({ vary: [["x-device", "tv"]] });
  expect(varyOf(["Vary", "Accept, X-Device"], request, ["x-device"])).toMatchObject({
    vary: [
      ["accept", "a"],
      ["x-device", "tv"],
    ],
  });
});

test("selectVariant() takes the latest of several that match", () => {
  const [old, other, late] = [entry([], 1), entry([["accept", "b"]], 9), entry([["accept", "a"]], 5)];
  expect(selectVariant([old, other, late], { accept: "a" })).toBe(late);
  expect(selectVariant([late, other, old], { accept: "a" })).toBe(late);
  expect(selectVariant([], {})).toBeUndefined();
});

test("selectVariant() finds what varyOf() noted for the same request", () => {
  const name = fc.stringMatching(/^[a-z-]{1,8}$/);
  const headers = fc.dictionary(name, fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 1 })));
  fc.assert(
    fc.property(headers, fc.array(name), (request: RequestHeaders, names) => {
      const noted = varyOf(["Vary", names.join(", ")], request);
      if (noted === "star") throw new Error("names only, no star expected");
      expect(selectVariant([{ ...noted, responseTimeMs: 1 }], request)).toBeDefined();
    }),
  );
});
