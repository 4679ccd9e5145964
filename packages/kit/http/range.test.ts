import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseRange } from "./range.ts";

test("parseRange() reads the examples of RFC 9110 section 14.1.2", () => {
  expect(parseRange("bytes=0-499", 10_000)).toEqual({ kind: "one", first: 0, last: 499 });
  expect(parseRange("bytes=-500", 10_000)).toEqual({ kind: "one", first: 9500, last: 9999 });
  expect(parseRange("bytes=9500-", 10_000)).toEqual({ kind: "one", first: 9500, last: 9999 });
  expect(parseRange("bytes=0-0,-1", 10_000)).toEqual({
    kind: "many",
    spans: [
      { first: 0, last: 0 },
      { first: 9999, last: 9999 },
    ],
  });
  expect(parseRange("Bytes= 0-999, 4500-5499 ,, -1000", 10_000)).toMatchObject({ kind: "many" });
});

test("parseRange() clamps to the representation", () => {
  expect(parseRange("bytes=5-99999999999999999999999", 10)).toEqual({ kind: "one", first: 5, last: 9 });
  expect(parseRange("bytes=-99999999999999999999999", 10)).toEqual({ kind: "one", first: 0, last: 9 });
  expect(parseRange("bytes=3-3,20-30", 10)).toEqual({ kind: "one", first: 3, last: 3 });
});

test("parseRange() is unsatisfiable when no span lies in the representation", () => {
  for (const value of ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-", "bytes=10-,-0"]) {
    expect([value, parseRange(value, 10)]).toEqual([value, { kind: "unsatisfiable" }]);
  }
  expect(parseRange("bytes=0-", 0)).toEqual({ kind: "unsatisfiable" });
  expect(parseRange("bytes=-5", 0)).toEqual({ kind: "none" });
});

test("parseRange() ignores what is malformed, of another unit, overlapping or too many", () => {
  const ignored = ["", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=5", "bytes=5-4", "bytes=a-b", "bytes=0x1-2"];
  ignored.push("bytes=0-1;2-3", "bytes=0- 1", "items=0-1", "bytes=+1-2", "bytes=1.0-2", "bytes=0-5,5-6", "bytes=0-,-1");
  ignored.push(`bytes=${Array.from({ length: 17 }, (_, i) => `${i * 2}-${i * 2}`).join(",")}`);
  for (const value of [undefined, ...ignored])
    expect([value, parseRange(value, 10)]).toEqual([value, { kind: "none" }]);
});

test("parseRange() gives for any text only disjoint spans inside the representation", () => {
  const spec = fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => `${a}-${b}`);
  const anySpec = fc.oneof(
    spec,
    fc.nat(300).map((n) => `${n}-`),
    fc.nat(300).map((n) => `-${n}`),
    fc.string(),
  );
  const value = fc.array(anySpec, { maxLength: 20 }).map((specs) => `bytes=${specs.join(",")}`);
  fc.assert(
    fc.property(fc.oneof(value, fc.string()), fc.nat(256), (text, size) => {
      const range = parseRange(text, size);
      const spans = range.kind === "one" ? [range] : range.kind === "many" ? range.spans : [];
      expect(range.kind === "many" ? spans.length > 1 && spans.length <= 16 : true).toBe(true);
      const taken = new Set<number>();
      for (const { first, last } of spans) {
        expect(first >= 0 && first <= last && last < size).toBe(true);
        for (let at = first; at <= last; at++) {
          expect(taken.has(at)).toBe(false);
          taken.add(at);
        }
      }
    }),
  );
});
