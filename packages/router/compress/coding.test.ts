import { expect, test } from "bun:test";
import fc from "fast-check";
import { CODINGS, chooseCoding } from "./coding.ts";

test("chooseCoding() follows RFC 9110 12.5.3", () => {
  const cases: [field: string | undefined, expected: string | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, deflate", "gzip"],
    ["gzip, deflate, br", "br"],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, zstd", "zstd"],
    ["GZIP;Q=1", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["br;q=0, gzip;q=0", undefined],
    ["br;q=0, *", "zstd"],
    ["*", "br"],
    ["*;q=0", undefined],
    ["gzip;q=0.5, identity", undefined],
    ["gzip;q=0.5, identity;q=0.1", "gzip"],
    ["identity;q=0.5, *;q=0.7", "br"],
    ["gzip;q=2", undefined],
    ["gzip;q=abc", undefined],
    ["gzip;q=0.0001", undefined],
    [", ,gzip", "gzip"],
    ["deflate, compress", undefined],
    ["gzip;q=0, gzip", undefined],
  ];
  for (const [field, expected] of cases) expect([field, chooseCoding(field)]).toEqual([field, expected]);
});

test("chooseCoding() gives a coding it makes, or none, whatever a client sends", () => {
  fc.assert(
    fc.property(fc.string(), (field) => {
      const chosen = chooseCoding(field);
      expect(chosen === undefined || CODINGS.includes(chosen)).toBe(true);
    }),
  );
});
