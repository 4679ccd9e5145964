import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { FakeClock } from "@neson/kit/fake-clock";
import { publish, seededBytes } from "@neson/terminal/testing/objects";
import { startPair } from "@neson/terminal/testing/start";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { endedText } from "./ended.ts";
import { hardwareNow } from "./hardware-now.ts";
import { countUnsettledClaims, readKeptSetting } from "./stopped-index.ts";

const SIZE = 100_000;

/** Has a Terminal serve two tickets for a Router that acknowledges claims or not, and stops it. */
async function serveTwo(dataDir: string, isSettling: boolean): Promise<void> {
  await using pair = await startPair({ dataDir });
  if (!isSettling) pair.router.onClaims = () => undefined;
  const film = publish(seededBytes(SIZE, 1));
  await pair.router.store(film);
  for (let i = 0; i < 2; i++) await (await pair.get(pair.router.path(film))).bytes();
}

test("endedText() says how many claims a Terminal that left could not settle", async () => {
  using directory = temporaryDirectory();
  const [settled, owed] = [join(directory.path, "settled"), join(directory.path, "owed")];
  await serveTwo(settled, true);
  expect(await endedText(settled, systemClock)).toBe("it has left and ended");
  await serveTwo(owed, false);
  expect(countUnsettledClaims(owed)).toBe(2);
  expect(await endedText(owed, systemClock)).toStartWith("it has left and ended; 2 claims are not settled");
});

test("endedText() waits for the data directory to be let go, and not for ever", async () => {
  using directory = temporaryDirectory();
  await Bun.write(join(directory.path, "lock.pid"), "1\n");
  const clock = new FakeClock();
  const text = endedText(directory.path, clock);
  for (let second = 0; second < 17; second++) await clock.advance(1000);
  expect(await text).toBe("it has left; its process is still ending");
});

test("readKeptSetting() reads what a Terminal kept, and nothing of an index that is absent, damaged or of another kind", async () => {
  using directory = temporaryDirectory();
  const dataDir = join(directory.path, "data");
  await serveTwo(dataDir, true);
  expect(readKeptSetting(dataDir, "edge-scheme")).toBe("http");
  expect(readKeptSetting(dataDir, "no-such")).toBeUndefined();
  expect(readKeptSetting(directory.path, "edge-scheme")).toBeUndefined();
  await Bun.write(join(directory.path, "index.sqlite"), "no database");
  expect(readKeptSetting(directory.path, "edge-scheme")).toBeUndefined();
  expect(countUnsettledClaims(directory.path)).toBe(0);
});

test("hardwareNow() shows the figures that a Terminal measured there, measures where there are none, and makes nothing", async () => {
  using directory = temporaryDirectory();
  const dataDir = join(directory.path, "data");
  const measured = { readBytesPerSecond: 5, writeBytesPerSecond: 6 };
  const measureDisk = async () => measured;
  const look = (deps: Partial<Parameters<typeof hardwareNow>[1]> = {}) =>
    hardwareNow({ dataDir, isSmall: true }, { clock: systemClock, measureDisk, ...deps });
  expect((await look()).disk).not.toHaveProperty("readBytesPerSecond");
  expect(await Bun.file(join(dataDir, "index.sqlite")).exists()).toBe(false);
  mkdirSync(dataDir);
  expect(await look()).toMatchObject({ disk: measured, isSmall: true });
  const broken = () => Promise.reject(new Error("EROFS"));
  expect((await look({ measureDisk: broken })).disk).not.toHaveProperty("readBytesPerSecond");
  await serveTwo(dataDir, true);
  const kept = JSON.parse(readKeptSetting(dataDir, "disk-speed") ?? "");
  const { readBytesPerSecond } = (await look({ measureDisk: broken })).disk;
  expect(readBytesPerSecond).toBe(kept.readBytesPerSecond);
});
