import { expect, test } from "bun:test";
import { IndexPages } from "./index-pages.ts";

const page = (id: string, at: number, pages: number, objects: [string, string][] = []) => ({
  id,
  page: at,
  pages,
  objects,
});

test("requestIf() asks once drift lasted two heartbeats, and not again within ten seconds", () => {
  const index = new IndexPages();
  expect(index.requestIf(true, 0)).toBeUndefined();
  expect(index.requestIf(false, 1000)).toBeUndefined();
  expect(index.requestIf(true, 2000)).toBeUndefined();
  expect(index.requestIf(true, 3000)).toBeDefined();
  expect(index.requestIf(true, 4000)).toBeUndefined();
  expect(index.requestIf(true, 5000)).toBeUndefined();
  expect(index.requestIf(true, 13_001)).toBeDefined();
});

test("add() gives all pairs at the last page, and drops pages of another request or out of turn", () => {
  const index = new IndexPages();
  index.requestIf(true, 0);
  const id = index.requestIf(true, 1000) ?? "";
  expect(index.add(page("other", 0, 1))).toBeUndefined();
  expect(index.add(page(id, 1, 2))).toBeUndefined();
  expect(index.add(page(id, 0, 2, [["a", "1"]]))).toBeUndefined();
  expect(index.add(page(id, 0, 2, [["a", "1"]]))).toBeUndefined();
  expect(index.add(page(id, 1, 2, [["b", "2"]]))).toEqual([
    ["a", "1"],
    ["b", "2"],
  ]);
  expect(index.add(page(id, 1, 2))).toBeUndefined();
});
