import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { lockDirectory } from "@neson/kit/files";
import { silentLog } from "@neson/kit/log";
import { startPair } from "../testing/start.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { hardwareBeforeStart } from "./before-start.ts";

const DEPS = { clock: systemClock, log: silentLog };

test("hardwareBeforeStart() gives what the Terminal started next sends in its hello, measured figures included", async () => {
  using directory = temporaryDirectory();
  const dataDir = join(directory.path, "data");
  const { disk, ...shown } = await hardwareBeforeStart({ dataDir, isSmall: false }, DEPS);
  expect(disk.readBytesPerSecond).toBeGreaterThan(0);
  await using pair = await startPair({ dataDir });
  const hello = pair.router.received.find((message) => message.type === "hello");
  expect(hello?.hardware).toMatchObject(shown);
  const { readBytesPerSecond, writeBytesPerSecond, kind } = disk;
  expect(hello?.hardware.disk).toMatchObject({ readBytesPerSecond, writeBytesPerSecond, kind });
});

test("hardwareBeforeStart() does not get in the way of a Terminal that runs", async () => {
  using directory = temporaryDirectory();
  await using _lock = lockDirectory(directory.path);
  const shown = hardwareBeforeStart({ dataDir: directory.path, isSmall: false }, DEPS);
  await expect(shown).rejects.toMatchObject({ code: "data-directory-in-use", fault: "operator" });
});
