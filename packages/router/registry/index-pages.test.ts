import { expect, test } from "bun:test";
import { IndexPages } from "./index-pages.ts";

const objectOf = (byte: string) => byte.repeat(32);
const HEADERS = "01".repeat(8);

const page = (id: string, at: number, pages: number, bytes: string[] = []) => ({
  id,
  page: at,
  pages,
  objects: bytes.map((byte): [string, string] => [objectOf(byte), HEADERS]),
});

function requested(): { index: IndexPages; id: string } {
  const index = new IndexPages();
  index.requestIf(true, 0);
  return { index, id: index.requestIf(true, 1000) ?? "" };
}

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

test("requestIf() asks ever more seldom while the index does not cure the drift, and soon again once it agreed", () => {
  const index = new IndexPages();
  const requestTimes: number[] = [];
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 1000) {
    const id = index.requestIf(true, nowMs);
    if (id === undefined) continue;
    requestTimes.push(nowMs);
    index.add(page(id, 0, 1), nowMs);
  }
  expect(requestTimes.length).toBeLessThan(15);
  index.requestIf(false, 3_600_000);
  index.requestIf(true, 4_300_000);
  const id = index.requestIf(true, 4_301_000) ?? "";
  index.add(page(id, 0, 1), 4_301_000);
  index.requestIf(true, 4_312_000);
  expect(index.requestIf(true, 4_322_000)).toBeDefined();
});

test("requestIf() does not ask while pages are still coming in", () => {
  const { index, id } = requested();
  for (let at = 0; at < 30; at += 1) {
    expect(index.requestIf(true, 1000 + at * 2000)).toBeUndefined();
    index.add(page(id, at, 1000), 1000 + at * 2000);
  }
  expect(index.requestIf(true, 200_000)).toBeDefined();
});

test("add() gives all pairs at the last page, and drops pages of another request or out of turn", () => {
  const { index, id } = requested();
  expect(index.add(page("other", 0, 1), 0)).toBeUndefined();
  expect(index.add(page(id, 1, 2), 0)).toBeUndefined();
  expect(index.add(page(id, 0, 2, ["aa"]), 0)).toBeUndefined();
  expect(index.add(page(id, 0, 2, ["cc"]), 0)).toBeUndefined();
  expect(index.expects(page(id, 1, 3))).toBe(false);
  const whole = index.add(page(id, 1, 2, ["bb"]), 0);
  expect(["aa", "bb", "cc"].map((byte) => whole?.has(objectOf(byte), HEADERS))).toEqual([true, true, false]);
  expect(index.add(page(id, 1, 2), 0)).toBeUndefined();
});

test("add() takes in what was stored, and leaves out what was removed, while the pages were coming", () => {
  const { index, id } = requested();
  index.add(page(id, 0, 2, ["aa", "bb"]), 0);
  index.noteStored(objectOf("dd"), HEADERS);
  index.noteRemoved(objectOf("aa"));
  index.noteRemoved(objectOf("cc"));
  index.noteRemoved(objectOf("ee"));
  index.noteStored(objectOf("ee"), HEADERS);
  index.noteRemoved(objectOf("ff"), HEADERS);
  const whole = index.add(page(id, 1, 2, ["cc", "ff"]), 0);
  const held = ["aa", "bb", "cc", "dd", "ee", "ff"].filter((byte) => whole?.hasObject(objectOf(byte)));
  expect(held).toEqual(["bb", "dd", "ee"]);
});
