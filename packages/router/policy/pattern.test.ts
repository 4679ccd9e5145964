import { expect, test } from "bun:test";
import fc from "fast-check";
import { capturesOf, compilePattern, matchesPattern } from "./pattern.ts";

test("matchesPattern() lets * stand for any run of characters and nothing else be special", () => {
  const cases: [pattern: string, text: string, expected: boolean][] = [
    ["/a", "/a", true],
    ["/a", "/ab", false],
    ["/a*", "/a", true],
    ["*", "", true],
    ["/a/*/c", "/a/b/c", true],
    ["/a/*/c", "/a/c", false],
    ["/a*a", "/a", false],
    ["*.mp4", "/x/y.mp4", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["*ab*bc", "abc", false],
    ["/a.b", "/axb", false],
    ["/(a+)+*x", "/(a+)+!", false],
    ["**", "anything", true],
  ];
  for (const [pattern, text, expected] of cases) {
    expect([pattern, text, matchesPattern(pattern, text)]).toEqual([pattern, text, expected]);
  }
});

test("matchesPattern() agrees with the regular expression that says the same", () => {
  const word = (unit: string[]) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 8 });
  fc.assert(
    fc.property(word(["a", "b", "*"]), word(["a", "b"]), (pattern, text) => {
      const expected = new RegExp(`^${pattern.replace(/\*+/g, ".*")}$`).test(text);
      expect([matchesPattern(pattern, text), compilePattern(pattern)(text)]).toEqual([expected, expected]);
    }),
  );
});

test("capturesOf() gives what each * stood for, the earlier ones as short as possible", () => {
  const cases: [pattern: string, text: string, expected: string[] | undefined][] = [
    ["/a", "/a", []],
    ["/a/*", "/a/", [""]],
    ["/a/*", "/a/b/c", ["b/c"]],
    ["/*/x/*", "/1/x/2/x/3", ["1", "2/x/3"]],
    ["/a/*", "/b/c", undefined],
    ["*", "", [""]],
  ];
  for (const [pattern, text, expected] of cases) {
    expect([pattern, text, capturesOf(pattern, text)]).toEqual([pattern, text, expected]);
  }
});

test("capturesOf() put back into the pattern give the text again", () => {
  const word = (unit: string[]) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 8 });
  fc.assert(
    fc.property(word(["a", "b", "*"]), word(["a", "b"]), (pattern, text) => {
      const captures = capturesOf(pattern, text);
      if (captures === undefined) return;
      let i = 0;
      expect(pattern.replace(/\*/g, () => captures[i++] ?? "missing")).toBe(text);
      expect(i).toBe(captures.length);
    }),
  );
});

test("matchesPattern() takes linear time for the worst patterns", () => {
  const startedMs = performance.now();
  expect(matchesPattern(`${"*a".repeat(500)}*b`, "a".repeat(100_000))).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(500);
});
