import { expect, test } from "bun:test";
import { coloured, lookOf, wrapped } from "./look.ts";

const UTF8 = { LANG: "en_GB.UTF-8" };

test("lookOf() gives colours to a terminal window only, and to nobody who set NO_COLOR", () => {
  expect(lookOf(true, UTF8, "linux")).toEqual({ hasColour: true, hasUnicode: true });
  expect(lookOf(false, UTF8, "linux")).toEqual({ hasColour: false, hasUnicode: false });
  expect(lookOf(true, { ...UTF8, NO_COLOR: "1" }, "linux").hasColour).toBe(false);
  expect(lookOf(true, { ...UTF8, NO_COLOR: "" }, "linux").hasColour).toBe(true);
  expect(lookOf(true, { ...UTF8, TERM: "dumb" }, "linux").hasColour).toBe(false);
});

test("lookOf() draws signs beyond ASCII only where the locale is UTF-8, LC_ALL before LANG", () => {
  expect(lookOf(true, { LANG: "C" }, "linux").hasUnicode).toBe(false);
  expect(lookOf(true, { LC_ALL: "C", ...UTF8 }, "linux").hasUnicode).toBe(false);
  expect(lookOf(true, {}, "darwin").hasUnicode).toBe(true);
});

test("coloured() leaves text alone where there are no colours", () => {
  expect(coloured("x", "red", { hasColour: false, hasUnicode: true })).toBe("x");
  expect(coloured("x", "red", { hasColour: true, hasUnicode: true })).toBe("\u001b[31mx\u001b[0m");
});

test("wrapped() breaks between words, indents each line, and lets a long word stand alone", () => {
  expect(wrapped("one two three", "  ", 9)).toEqual(["  one two", "  three"]);
  expect(wrapped("a bbbbbbbbbbbbbbb c", "", 5)).toEqual(["a", "bbbbbbbbbbbbbbb", "c"]);
  expect(wrapped("  ", "  ")).toEqual([]);
});
