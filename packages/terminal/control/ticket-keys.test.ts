import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { toBase64Url } from "@neson/protocol/bytes";
import { openIndex } from "../store/index-database.ts";
import { Settings } from "../store/settings.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { TicketKeys } from "./ticket-keys.ts";

const DAY_MS = 86_400_000;
const key = (fill: number) => toBase64Url(new Uint8Array(32).fill(fill));

test("TicketKeys keeps each key until the end of the day after its own, over restarts", () => {
  using directory = temporaryDirectory();
  const clock = new FakeClock(100 * DAY_MS + 5);
  const index = openIndex(join(directory.path, "index.sqlite"), { clock, log: silentLog });
  const settings = new Settings(index);
  const keys = new TicketKeys(settings, clock);
  keys.accept([
    { day: 100, key: key(1) },
    { day: 101, key: key(2) },
    { day: 102, key: "A".repeat(42) },
  ]);
  expect([100, 101, 102].map((day) => keys.keyFor(day)?.[0])).toEqual([1, 2, undefined]);
  const nextDay = new TicketKeys(settings, new FakeClock(101 * DAY_MS + 5));
  nextDay.accept([{ day: 102, key: key(3) }]);
  expect([100, 101, 102].map((day) => nextDay.keyFor(day)?.[0])).toEqual([1, 2, 3]);
  const dayAfter = new TicketKeys(settings, new FakeClock(102 * DAY_MS + 5));
  expect([100, 101, 102].map((day) => dayAfter.keyFor(day)?.[0])).toEqual([undefined, 2, 3]);
  settings.set("ticket-keys", "{broken");
  expect(new TicketKeys(settings, clock).keyFor(101)).toBeUndefined();
  index.close();
});
