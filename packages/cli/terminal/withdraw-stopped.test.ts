import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { lockDirectory } from "@neson/kit/files";
import { silentLog } from "@neson/kit/log";
import { ClaimRows } from "@neson/terminal/claim/claim-rows";
import { openIndex } from "@neson/terminal/store/index-database";
import { ObjectRows } from "@neson/terminal/store/object-rows";
import { publish, seededBytes } from "@neson/terminal/testing/objects";
import { startPair } from "@neson/terminal/testing/start";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { withdrawStopped } from "./withdraw-stopped.ts";

const DEPS = { clock: systemClock, log: silentLog };
const SIZE = 300_000;

let directory: ReturnType<typeof temporaryDirectory>;
let dataDir: string;

beforeEach(() => {
  directory = temporaryDirectory();
  dataDir = join(directory.path, "data");
});

afterEach(() => directory[Symbol.dispose]());

/** Leaves a data directory in which a Terminal has stored two objects and is owed for one transfer. */
async function storeTwo(): Promise<void> {
  await using pair = await startPair({ dataDir });
  pair.router.onClaims = () => undefined;
  const [one, other] = [publish(seededBytes(SIZE, 1)), publish(seededBytes(SIZE, 2))];
  for (const published of [one, other]) await pair.router.store(published);
  const answer = await pair.get(pair.router.path(one));
  expect((await answer.arrayBuffer()).byteLength).toBe(SIZE);
}

function readIndex() {
  const index = openIndex(join(dataDir, "index.sqlite"), DEPS);
  const rows = new ObjectRows(index);
  const found = {
    objects: rows.all().length,
    headerSets: rows.allHeaderSets().length,
    claims: new ClaimRows(index).all(),
  };
  index.close();
  return found;
}

test("withdrawStopped() deletes every object and keeps both keys and unsettled claims", async () => {
  await storeTwo();
  const keys = await Promise.all(["identity.key", "router.key"].map((name) => readFile(join(dataDir, name))));
  expect(readIndex()).toMatchObject({ objects: 2, headerSets: 2, claims: [{ bytes: SIZE }] });
  await Bun.write(join(dataDir, "partial", "left.part"), new Uint8Array(10_000));

  const { freedBytes, foreignCount } = await withdrawStopped(dataDir, DEPS);
  // What the system has not written yet takes no room yet.
  expect(freedBytes).toBeGreaterThanOrEqual(2 * SIZE);
  expect(freedBytes).toBeLessThanOrEqual(2 * SIZE + 10_000);
  expect(existsSync(join(dataDir, "partial", "left.part"))).toBe(false);
  expect(foreignCount).toBe(0);
  expect(readIndex()).toMatchObject({ objects: 0, headerSets: 0, claims: [{ bytes: SIZE, settledBytes: 0 }] });
  expect(await Promise.all(["identity.key", "router.key"].map((name) => readFile(join(dataDir, name))))).toEqual(keys);
  expect(await withdrawStopped(dataDir, DEPS)).toEqual({ freedBytes: 0, foreignCount: 0 });
});

test("withdrawStopped() leaves files alone that no Terminal made", async () => {
  await storeTwo();
  const foreign = ["objects/notes.txt", "objects/ab/photo.jpg", "objects/elsewhere/0.bin", "taxes.ods"];
  for (const path of foreign) await Bun.write(join(dataDir, path), "mine");
  const stray = join(dataDir, "objects/ab", "ab".repeat(32));
  await Bun.write(stray, new Uint8Array(5000));

  expect(await withdrawStopped(dataDir, DEPS)).toEqual({ freedBytes: 2 * SIZE + 5000, foreignCount: 3 });
  expect(foreign.filter((path) => !existsSync(join(dataDir, path)))).toEqual([]);
  expect(existsSync(stray)).toBe(false);
});

test("withdrawStopped() touches nothing while a Terminal has the directory", async () => {
  await storeTwo();
  await using _lock = lockDirectory(dataDir);
  await expect(withdrawStopped(dataDir, DEPS)).rejects.toMatchObject({ code: "data-directory-in-use" });
  expect(readIndex().objects).toBe(2);
});

test("withdrawStopped() makes nothing where nothing was ever stored", async () => {
  expect(await withdrawStopped(dataDir, DEPS)).toEqual({ freedBytes: 0, foreignCount: 0 });
  expect(existsSync(dataDir)).toBe(false);
  await mkdir(dataDir);
  expect(await withdrawStopped(dataDir, DEPS)).toEqual({ freedBytes: 0, foreignCount: 0 });
});
