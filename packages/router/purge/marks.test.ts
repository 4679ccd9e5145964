import { expect, test } from "bun:test";
import { PurgeMarks } from "./marks.ts";
import type { PurgeOrder } from "./order.ts";

const ORDER: PurgeOrder = { site: "shop", by: "prefix", value: "/img/", mode: "hard" };

function thing(key: string, requestTimeMs: number) {
  return { site: "shop", key, headers: [], requestTimeMs };
}

test("judge() takes out what was asked for up to the mark, and nothing that was asked for later", () => {
  const marks = new PurgeMarks();
  const mark = { order: ORDER, atMs: 100 };
  marks.set(mark);
  expect(marks.judge(thing("/img/a", 99))).toBe("gone");
  expect(marks.judge(thing("/img/a", 100))).toBe("gone");
  expect(marks.judge(thing("/img/a", 101))).toBe("untouched");
  expect(marks.judge(thing("/css/a", 99))).toBe("untouched");
  marks.lift(mark);
  expect(marks.judge(thing("/img/a", 99))).toBe("untouched");
  expect(marks.concerns("shop")).toBe(false);
});

test("judge() makes stale what soft marks are aimed at, unless a hard one is too", () => {
  const marks = new PurgeMarks();
  marks.set({ order: { ...ORDER, mode: "soft" }, atMs: 200 });
  marks.set({ order: { ...ORDER, mode: "soft", value: "/" }, atMs: 150 });
  expect(marks.judge(thing("/img/a", 99))).toEqual({ staleSinceMs: 150 });
  expect(marks.judge(thing("/img/a", 180))).toEqual({ staleSinceMs: 200 });
  marks.set({ order: ORDER, atMs: 120 });
  expect(marks.judge(thing("/img/a", 99))).toBe("gone");
});

test("isOutdated() is true for both modes", () => {
  const marks = new PurgeMarks();
  expect(marks.isOutdated(thing("/img/a", 1))).toBe(false);
  marks.set({ order: { ...ORDER, mode: "soft" }, atMs: 5 });
  expect(marks.isOutdated(thing("/img/a", 5))).toBe(true);
  expect(marks.isOutdated(thing("/img/a", 6))).toBe(false);
});
