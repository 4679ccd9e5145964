import { expect, test } from "bun:test";
import { constants, readdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../testing/temporary.ts";
import { measureDisk, type OpenFile } from "./disk-speed.ts";

test("measureDisk() measures both ways in bounded time and leaves nothing, not even of a measurement that was killed", async () => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, "speed-test.tmp"), new Uint8Array(1000));
  const startMs = performance.now();
  const { readBytesPerSecond, writeBytesPerSecond } = await measureDisk(directory.path);
  expect(performance.now() - startMs).toBeLessThan(8000);
  expect(Math.min(readBytesPerSecond, writeBytesPerSecond)).toBeGreaterThan(1024 * 1024);
  expect(readdirSync(directory.path)).toEqual([]);
}, 15_000);

test("measureDisk() measures through the cache where the file system has no way past it, emptying it as it goes", async () => {
  using directory = temporaryDirectory();
  let flushes = 0;
  const refusing: OpenFile = async (path, flags, mode) => {
    if ((flags & constants.O_DIRECT) !== 0) throw Object.assign(new Error("EINVAL"), { code: "EINVAL" });
    const file = await open(path, flags, mode);
    const { datasync } = file;
    file.datasync = () => {
      flushes++;
      return datasync.call(file);
    };
    return file;
  };
  const { writeBytesPerSecond } = await measureDisk(directory.path, refusing);
  expect(writeBytesPerSecond).toBeGreaterThan(0);
  expect(flushes).toBeGreaterThan(0);
  expect(readdirSync(directory.path)).toEqual([]);
}, 15_000);

test("measureDisk() says what is wrong with the directory", async () => {
  using directory = temporaryDirectory();
  await expect(measureDisk(join(directory.path, "none"))).rejects.toThrow("ENOENT");
});
