import { expect, test } from "bun:test";
import fc from "fast-check";
import { isNewer } from "./version.ts";

// The order that section 11 of Semantic Versioning 2.0.0 requires, first to last.
const ORDER = [
  "0.9.9",
  "1.0.0-1",
  "1.0.0-2",
  "1.0.0-10",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1",
  "1.2.0",
  "1.10.0",
  "2.0.0",
];

test("isNewer() orders versions as semantic versioning does", () => {
  for (const [i, left] of ORDER.entries()) {
    for (const [j, right] of ORDER.entries()) expect([left, right, isNewer(left, right)]).toEqual([left, right, i > j]);
  }
});

test.each(["", "dev", "1.2", "v1.2.3", "1.2.3+build", "1.2.3-", "1.2.3\n", "9999999.0.0"])(
  "isNewer() is false when one side is %j, which is no version",
  (text) => {
    expect(isNewer(text, "0.0.1")).toBe(false);
    expect(isNewer("9.9.9", text)).toBe(false);
  },
);

test("isNewer() never says yes both ways, whatever it is given", () => {
  const version = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,3}\.\d{1,3}\.\d{1,3}(-[0-9a-z.-]{1,9})?$/));
  fc.assert(fc.property(version, version, (a, b) => !(isNewer(a, b) && isNewer(b, a))));
});
