import { expect, test } from "bun:test";
import { fail, ok, skipped, warn } from "./finding.ts";
import { findingLines, verdictLine } from "./render.ts";

const PLAIN = { hasColour: false, hasUnicode: false };
const RICH = { hasColour: true, hasUnicode: true };

test("findingLines() gives sign, check and text, and the remedy below a problem", () => {
  expect(findingLines(ok("port", "127.0.0.1:8090 is free"), PLAIN)).toEqual([
    "ok   port            127.0.0.1:8090 is free",
  ]);
  expect(findingLines(warn("clock", "7 s behind", "Set it."), PLAIN)).toEqual([
    "warn clock           7 s behind",
    "                     -> Set it.",
  ]);
  expect(findingLines(fail("port", "taken", "Stop it."), RICH)).toEqual([
    "\u001b[31m✗\u001b[0m port            taken",
    "                  → Stop it.",
  ]);
});

test("findingLines() keeps to 80 columns and lets no escape code of others through", () => {
  const lines = findingLines(fail("Router", "word \u001b[2J ".repeat(40), "remedy ".repeat(30)), PLAIN);
  expect(lines.length).toBeGreaterThan(6);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.join("")).not.toContain("\u001b");
});

test("verdictLine() counts what is to be mended", () => {
  const [good, bad, poor] = [ok("a", "b"), fail("a", "b", "c"), warn("a", "b", "c")];
  expect(verdictLine([good, skipped("a", "b")], PLAIN)).toBe("everything is well");
  expect(verdictLine([good, poor], PLAIN)).toBe("it works; 1 thing could be better");
  expect(verdictLine([bad, poor, bad], PLAIN)).toBe("2 problems to mend");
});
