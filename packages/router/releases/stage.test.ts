import { expect, test } from "bun:test";
import { isInStage } from "./stage.ts";

const IDS = Array.from({ length: 2000 }, (_, i) => i.toString(16).padStart(64, "0"));

test("isInStage() takes nobody at 0, everybody at 100, and about that share in between", () => {
  const countAt = (percent: number) => IDS.filter((id) => isInStage(id, "1.2.3", percent)).length;
  expect(countAt(0)).toBe(0);
  expect(countAt(100)).toBe(IDS.length);
  for (const percent of [1, 10, 50]) expect(Math.abs(countAt(percent) / 20 - percent)).toBeLessThan(4);
});

test("isInStage() keeps who is in when the stage grows, and begins with others at the next version", () => {
  const first = IDS.filter((id) => isInStage(id, "1.2.3", 10));
  expect(first.every((id) => isInStage(id, "1.2.3", 11))).toBe(true);
  expect(first.filter((id) => isInStage(id, "1.2.4", 10)).length).toBeLessThan(first.length / 2);
});
