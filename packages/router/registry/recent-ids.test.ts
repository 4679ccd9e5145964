import { expect, test } from "bun:test";
import { RecentIds } from "./recent-ids.ts";

test("has() is true for the life of an id from its last note", () => {
  const recent = new RecentIds({ lifeMs: 100, maxIds: 10 });
  recent.note("a", 0);
  recent.note("a", 50);
  expect([recent.has("a", 149), recent.has("a", 150), recent.has("b", 0)]).toEqual([true, false, false]);
});

test("note() forgets the oldest of too many", () => {
  const recent = new RecentIds({ lifeMs: 100, maxIds: 2 });
  recent.note("a", 0);
  recent.note("b", 1);
  recent.note("a", 2);
  recent.note("c", 3);
  expect(["a", "b", "c"].filter((id) => recent.has(id, 4))).toEqual(["a", "c"]);
});
