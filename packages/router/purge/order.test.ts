import { expect, test } from "bun:test";
import { isAimedAt, type PurgeOrder, tagsOf } from "./order.ts";

test("tagsOf() reads both fields, drops what is no tag, and bounds their number", () => {
  const cases: [headers: string[], expected: string[]][] = [
    [[], []],
    [
      ["Cache-Tag", "a, b,,a"],
      ["a", "b"],
    ],
    [
      ["Surrogate-Key", " a  b\tc "],
      ["a", "b", "c"],
    ],
    [
      ["cache-tag", "a", "Cache-Tag", "b", "surrogate-key", "c"],
      ["a", "b", "c"],
    ],
    [["Cache-Tag", "with space, fine"], ["fine"]],
    [["Cache-Tag", `${"x".repeat(257)}, y`], ["y"]],
    [["Cache-Tag", "ümlaut, ok"], ["ok"]],
  ];
  for (const [headers, expected] of cases) expect([headers, tagsOf(headers)]).toEqual([headers, expected]);
  expect(tagsOf(["Surrogate-Key", Array.from({ length: 100 }, (_, i) => `t${i}`).join(" ")]).length).toBe(64);
});

test("isAimedAt() finds the targets of each kind of order, of its own site alone", () => {
  const thing = { site: "shop", key: "/img/a.png?v=1", headers: ["Cache-Tag", "red, blue"] };
  const cases: [by: PurgeOrder["by"], value: string, expected: boolean][] = [
    ["url", "/img/a.png?v=1", true],
    ["url", "/img/a.png", false],
    ["prefix", "/img/", true],
    ["prefix", "/img/a.png", true],
    ["prefix", "/image", false],
    ["tag", "red", true],
    ["tag", "blue", true],
    ["tag", "Red", false],
    ["tag", "green", false],
    ["site", "", true],
  ];
  for (const [by, value, expected] of cases) {
    expect([by, value, isAimedAt({ site: "shop", by, value, mode: "hard" }, thing)]).toEqual([by, value, expected]);
    expect(isAimedAt({ site: "blog", by, value, mode: "hard" }, thing)).toBe(false);
  }
  expect(isAimedAt({ site: "shop", by: "tag", value: "red", mode: "hard" }, { ...thing, headers: undefined })).toBe(
    false,
  );
});
