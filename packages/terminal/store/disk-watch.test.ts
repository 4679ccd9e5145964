import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createLog } from "@neson/kit/log";
import { openTestDisk } from "../testing/disk.ts";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { until } from "../testing/until.ts";
import { DiskWatch } from "./disk-watch.ts";

const bytes = seededBytes(300_000, 1);
const another = describeBytes(seededBytes(300_000, 2));

/** A store on a disk of its own, with one whole object, and a watch of its own whose words are kept. */
function open() {
  const stack = new DisposableStack();
  const disk = stack.use(openTestDisk());
  const opened = stack.use(openTestStore(disk.dataDir, 50 * 2 ** 20, disk.freeBytes));
  const { store, layout } = opened;
  const object = store.begin(describeBytes(bytes));
  const path = layout.objectPath(object.objectId);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  store.setWhole(object, "s");
  const lines: { level: number; fault?: string }[] = [];
  const log = createLog({ name: "t", level: "info", destination: { write: (line) => lines.push(JSON.parse(line)) } });
  const watch = new DiskWatch(layout, { log, freeBytes: disk.freeBytes });
  return { ...opened, disk, object, path, watch, lines, [Symbol.dispose]: () => stack.dispose() };
}

test("DiskWatch refuses saves with no-room, says so once and recovers when the disk is full and then not", () => {
  using run = open();
  expect([run.store.refusesSaves, run.store.remainingBytes > 0]).toEqual([undefined, true]);
  run.disk.fill();
  expect(() => run.store.begin(another)).toThrow(/saving 300000 bytes: disk-full: .*make room on this disk/);
  expect([run.store.refusesSaves, run.store.remainingBytes]).toEqual(["disk-full", 0]);
  expect(run.store.find(another.objectId)).toBeUndefined();
  expect([run.object.state, readFileSync(run.path).equals(bytes)]).toEqual(["whole", true]);
  for (let look = 0; look < 3; look++) run.watch.look();
  expect(run.lines).toMatchObject([{ level: 50, fault: "disk-full" }]);
  run.disk.empty();
  run.watch.look();
  expect(run.lines).toMatchObject([{ level: 50 }, { level: 30, was: "disk-full" }]);
  run.store.begin(another);
  expect(run.store.refusesSaves).toBeUndefined();
});

test("DiskWatch refuses saves with disk when its directories take no writes, and recovers", async () => {
  using run = open();
  run.disk.lock();
  expect(() => run.store.begin(another)).toThrow(/disk-read-only: it takes no writes/);
  run.watch.look();
  expect([run.watch.fault, run.watch.isWritable, run.watch.roomBytes]).toEqual(["disk-read-only", false, 0]);
  // A Router's delete holds at once, and on disk as soon as it can.
  run.store.remove(run.object);
  expect([run.store.find(run.object.objectId), existsSync(run.path)]).toEqual([undefined, true]);
  run.store.flushUse();
  run.disk.unlock();
  run.store.flushUse();
  expect([existsSync(run.path), run.rows.all()]).toEqual([false, []]);
  run.store.begin(another);
  expect(run.store.refusesSaves).toBeUndefined();
});

test("DiskWatch finds out by a write when a write has failed, and that it was no fault of the disk", async () => {
  using run = open();
  await run.watch.noteFailure();
  expect(run.watch.fault).toBeUndefined();
  rmSync(run.layout.partialDir, { recursive: true });
  await run.watch.noteFailure();
  expect(run.watch.fault).toBe("disk-read-only");
  mkdirSync(run.layout.partialDir);
  run.watch.look();
  await until("a write went through", () => {
    run.watch.look();
    return run.watch.fault === undefined;
  });
});

test("DiskWatch keeps what is there, reading and writing nothing in its place, when the disk is gone, until it is back", async () => {
  using run = open();
  run.disk.takeAway();
  expect(() => run.store.begin(another)).toThrow(/disk-gone: the data directory is not there/);
  expect([run.store.refusesSaves, run.store.remainingBytes]).toEqual(["disk-gone", 0]);
  // Whoever asks for the object cannot have it now; that is no reason to forget it.
  run.store.setUnchecked(run.object);
  expect(await run.check.check(run.object)).toBe(false);
  expect([run.store.find(run.object.objectId), run.object.state]).toEqual([run.object, "unchecked"]);
  // Another data directory in the place of the old one is not the disk that was there.
  mkdirSync(join(run.disk.dataDir, "objects"), { recursive: true });
  mkdirSync(join(run.disk.dataDir, "partial"));
  writeFileSync(join(run.disk.dataDir, "index.sqlite"), "x");
  run.store.disk.look();
  expect(run.store.refusesSaves).toBe("disk-gone");
  run.disk.bringBack();
  expect(await run.check.check(run.object)).toBe(true);
  expect([run.object.state, run.rows.all().length]).toEqual(["whole", 1]);
  run.store.begin(another);
  expect(run.store.refusesSaves).toBeUndefined();
});

test("ObjectStore serves on, and loses nothing, when the kernel makes the disk read-only", async () => {
  using run = open();
  run.disk.breakWrites();
  expect(() => run.store.begin(another)).toThrow();
  await run.store.disk.noteFailure();
  expect(() => run.store.begin(another)).toThrow(/disk-read-only: it takes no writes/);
  expect(run.store.find(another.objectId)).toBeUndefined();
  run.store.setUnchecked(run.object);
  // The row says whole already; where not even that can be written, the object waits.
  await run.check.check(run.object);
  expect(["whole", "unchecked"]).toContain(run.object.state);
  expect(readFileSync(run.path).equals(bytes)).toBe(true);
  expect(run.store.find(run.object.objectId)).toBe(run.object);
});
