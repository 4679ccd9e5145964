import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { Patience } from "./patience.ts";

test("Patience ends after its time, which begins anew when it is renewed or the clock is set back", async () => {
  const clock = new FakeClock();
  const patience = new Patience(1000, clock);
  await clock.advance(1000);
  patience.check("the piece");
  await clock.advance(1);
  expect(() => patience.check("the piece")).toThrow("the piece took more than 1000 ms");
  patience.renew();
  patience.check("the piece");
  await clock.advance(-86_400_000);
  patience.check("the piece");
  await clock.advance(1001);
  expect(() => patience.check("the piece")).toThrow("the piece took more than 1000 ms");
});
