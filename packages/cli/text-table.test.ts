import { expect, test } from "bun:test";
import { textFacts, textTable } from "./text-table.ts";

test("textTable() aligns columns by what a terminal shows, and ends no line in spaces", () => {
  const table = textTable(
    ["name", "note"],
    [
      ["a", "Grüße"],
      ["日本", ""],
      ["longer", "x"],
    ],
  );
  expect(table).toBe("NAME    NOTE\na       Grüße\n日本\nlonger  x\n");
});

test("textFacts() keeps a value of several lines in its column", () => {
  expect(
    textFacts([
      ["name", "films"],
      ["hosts", "a\nb\n"],
    ]),
  ).toBe("name   films\nhosts  a\n       b\n");
});
