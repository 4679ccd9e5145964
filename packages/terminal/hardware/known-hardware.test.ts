import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { hardwareSchema } from "@neson/protocol/hardware";
import { openIndex } from "../store/index-database.ts";
import { Settings } from "../store/settings.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { hardwareWithSpeed } from "./known-hardware.ts";

const DAY_MS = 86_400_000;

test("hardwareWithSpeed() describes this machine as hello takes it, and measures its disk once in thirty days", async () => {
  using directory = temporaryDirectory();
  const clock = new FakeClock(100 * DAY_MS);
  const index = openIndex(join(directory.path, "index.sqlite"), { clock, log: silentLog });
  const settings = new Settings(index);
  const options = { dataDir: directory.path, isSmall: true };
  const look = () => hardwareWithSpeed(options, { settings, clock, log: silentLog });
  const first = await look();
  expect(hardwareSchema.parse(first)).toEqual(first);
  expect(first.isSmall).toBe(true);
  expect(first.disk.readBytesPerSecond).toBeGreaterThan(0);
  expect(readdirSync(directory.path).filter((name) => name.startsWith("speed"))).toEqual([]);
  const measured = { readBytesPerSecond: 7, writeBytesPerSecond: 8, atMs: clock.nowMs() };
  settings.set("disk-speed", JSON.stringify(measured));
  expect((await look()).disk).toMatchObject({ readBytesPerSecond: 7, writeBytesPerSecond: 8 });
  await clock.advance(31 * DAY_MS);
  expect((await look()).disk.readBytesPerSecond).toBeGreaterThan(7);
  settings.set("disk-speed", "{broken");
  expect((await look()).disk.readBytesPerSecond).toBeGreaterThan(7);
  index.close();
});
