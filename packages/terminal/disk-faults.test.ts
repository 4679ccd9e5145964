import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createLog } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import { openTestDisk } from "./testing/disk.ts";
import { type Published, publish, seededBytes } from "./testing/objects.ts";
import { startPair } from "./testing/start.ts";
import { until } from "./testing/until.ts";

const film = publish(seededBytes(900_000, 1));
const song = publish(seededBytes(300_000, 2));

/** A directory cannot be filled up from outside; what comes of it there is what DiskWatch's own tests show. */
const isRealDisk = (() => {
  using disk = openTestDisk();
  return disk.freeBytes === undefined;
})();
if (!isRealDisk) console.error("skipped: filling up a Terminal's disk needs Linux, root and loop devices");

/** A Terminal whose data lie on a disk of their own, with a film on it, and what it has written to its log. */
async function start() {
  const stack = new AsyncDisposableStack();
  const disk = stack.use(openTestDisk());
  const lines: { level: number; msg: string; fault?: string }[] = [];
  const log = createLog({ name: "t", level: "info", destination: { write: (line) => lines.push(JSON.parse(line)) } });
  const pair = stack.use(await startPair({ dataDir: disk.dataDir, log, config: { memoryBytes: 0 } }));
  await pair.router.store(film);
  return {
    disk,
    pair,
    /** How often the operator was told of a fault. */
    told: (fault: string) => lines.filter((line) => line.level === 50 && line.fault === fault).length,
    isRight: async (object: Published) => {
      const response = await pair.get(pair.router.path(object));
      return response.status === 200 && Buffer.compare(await response.bytes(), object.bytes) === 0;
    },
    status: async (object: Published) => (await pair.get(pair.router.path(object))).status,
    async refused(code: string, fault: string) {
      pair.router.received.length = 0;
      pair.router.save(song);
      await pair.router.heard(
        (message) => message.type === "failed" && message.code === code && message.detail.includes(fault),
      );
    },
    async beat(fault: string | undefined) {
      const isIt = (message: TerminalMessage) => message.type === "heartbeat" && message.refusesSaves === fault;
      pair.router.received.length = 0;
      await pair.router.heard(isIt);
    },
    // A disk that takes no writes does not take the last words either; nothing here is about those.
    [Symbol.asyncDispose]: () => stack.disposeAsync().catch(() => {}),
  };
}

test.skipIf(!isRealDisk)(
  "Terminal refuses saves, says why and serves on while its disk is full, and takes them again afterwards",
  async () => {
    await using run = await start();
    run.disk.fill();
    await run.beat("disk-full");
    await run.refused("no-room", "disk-full");
    expect(await run.isRight(film)).toBe(true);
    expect(run.told("disk-full")).toBe(1);
    run.disk.empty();
    await run.beat(undefined);
    await run.pair.router.store(song);
    expect([await run.isRight(song), await run.isRight(film)]).toEqual([true, true]);
  },
  20_000,
);

test("Terminal refuses saves, says why and serves on while its directories take no writes, and takes them again afterwards", async () => {
  await using run = await start();
  run.disk.lock();
  await run.beat("disk-read-only");
  await run.refused("disk", "disk-read-only");
  expect(await run.isRight(film)).toBe(true);
  // A purge holds, though the file cannot be removed yet.
  run.pair.router.objects.delete(film.description.objectId);
  run.pair.router.send({ type: "delete", objectId: film.description.objectId, reason: "test" });
  await until("it is not served any more", async () => (await run.status(film)) === 307);
  expect(run.told("disk-read-only")).toBe(1);
  run.disk.unlock();
  await run.beat(undefined);
  await run.pair.router.store(song);
  expect(await run.isRight(song)).toBe(true);
  await run.pair.restart();
  expect([await run.status(film), await run.isRight(song)]).toEqual([307, true]);
}, 20_000);

test("Terminal serves on, rejoins its Router and loses nothing when the kernel makes its disk read-only", async () => {
  await using run = await start();
  run.disk.breakWrites();
  run.pair.router.save(song);
  await run.pair.router.heard((message) => message.type === "failed" && message.code === "disk");
  await run.beat("disk-read-only");
  await run.refused("disk", "disk-read-only");
  expect(await run.isRight(film)).toBe(true);
  const { connectionCount } = run.pair.router;
  run.pair.router.drop();
  await until("it is back", () => run.pair.router.connectionCount > connectionCount);
  await run.beat("disk-read-only");
  expect(await run.isRight(film)).toBe(true);
}, 20_000);

test("Terminal forgets nothing while its disk is gone, and serves again as soon as it is back", async () => {
  await using run = await start();
  run.disk.takeAway();
  await run.beat("disk-gone");
  await run.refused("disk", "disk-gone");
  expect(await run.status(film)).toBe(307);
  expect(run.told("disk-gone")).toBe(1);
  run.disk.bringBack();
  await run.beat(undefined);
  await until("the film is served again", () => run.isRight(film));
  expect(run.pair.router.filledIds.filter((objectId) => objectId === film.description.objectId)).toHaveLength(1);
  await run.pair.router.store(song);
  expect([await run.isRight(song), existsSync(run.disk.dataDir)]).toEqual([true, true]);
}, 20_000);
