import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { FirstWord } from "./first-word.ts";

test("heard resolves with the first word, or three seconds later without one", async () => {
  const clock = new FakeClock();
  using early = new FirstWord({ clock });
  using late = new FirstWord({ clock });
  early.noteHeard();
  await early.heard;
  await clock.advance(2999);
  expect([early.isHeard, late.isHeard]).toEqual([true, false]);
  await clock.advance(1);
  await late.heard;
  expect(late.isHeard).toBe(true);
});
