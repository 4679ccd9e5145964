import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { silentLog } from "@neson/kit/log";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";
import { Scrub } from "./scrub.ts";
import type { StoredObject } from "./stored-object.ts";

const PIECE = 262_144;
const SIZE = 2 * PIECE;
const RATE = SIZE;

type Opened = ReturnType<typeof openTestStore>;

function store({ store, layout }: Opened, seed: number): StoredObject {
  const bytes = seededBytes(SIZE, seed);
  const object = store.begin(describeBytes(bytes));
  const path = layout.objectPath(object.objectId);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  store.setWhole(object, "s");
  return object;
}

/** A scrub that reads one object a second, and what it has verified: the stamp is the file's own from then on. */
function startScrub(opened: Opened) {
  const scrub = new Scrub(RATE, { ...opened, log: silentLog });
  scrub.start(Promise.resolve());
  return {
    /** Lets it read for one second more. */
    async second() {
      await until("it sleeps", () => opened.clock.sleeping > 0);
      await opened.clock.advance(1000);
    },
    [Symbol.asyncDispose]: () => scrub[Symbol.asyncDispose](),
  };
}

const isVerified = (object: StoredObject | undefined) => object?.stamp !== "s";

test("Scrub rereads one object after the other at its rate, and goes on where it was after a restart", async () => {
  using directory = temporaryDirectory();
  let ids: string[] = [];
  {
    using opened = openTestStore(directory.path);
    const objects = [1, 2, 3].map((seed) => store(opened, seed));
    ids = objects.map(({ objectId }) => objectId);
    // All but the second were checked since.
    opened.rows.noteChecked([ids[2] ?? "", ids[0] ?? ""]);
  }
  using opened = openTestStore(directory.path);
  // Not checked since the restart, so not served yet: the scrub takes them all the same.
  const objects = ids.map((id) => opened.store.find(id));
  await using run = startScrub(opened);
  const states = () => objects.map((object) => object?.state);
  await until("the second is read", () => opened.clock.sleeping > 0);
  expect(states()).toEqual(["unchecked", "unchecked", "unchecked"]);
  await run.second();
  await until("the second is verified", () => objects[1]?.state === "whole");
  expect(states()).toEqual(["unchecked", "whole", "unchecked"]);
  await run.second();
  await until("the third is verified", () => objects[2]?.state === "whole");
  expect(states()).toEqual(["unchecked", "whole", "whole"]);
  await run.second();
  await until("the first is verified", () => objects[0]?.state === "whole");
});

test.each<[string, (path: string, bytes: Uint8Array) => void, number]>([
  ["a bit was flipped", (path, bytes) => writeFileSync(path, bytes.with(PIECE + 7, (bytes[PIECE + 7] ?? 0) ^ 1)), SIZE],
  ["the file was cut", (path) => truncateSync(path, PIECE + 10), PIECE + 10],
])("Scrub makes an object partial and keeps its good pieces when %s", async (_what, damage, length) => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const [good, bad] = [store(opened, 1), store(opened, 2)];
  const damaged: StoredObject[] = [];
  opened.store.observe({ damaged: (object) => damaged.push(object) });
  damage(opened.layout.objectPath(bad.objectId), seededBytes(SIZE, 2));
  await using run = startScrub(opened);
  await run.second();
  await run.second();
  await until("it is found", () => damaged.length > 0);
  expect([good.state, bad.state, damaged]).toEqual(["whole", "partial", [bad]]);
  const part = readFileSync(opened.layout.partialPath(bad.objectId));
  expect(part.length).toBe(length);
  expect(part.subarray(0, PIECE).equals(seededBytes(SIZE, 2).subarray(0, PIECE))).toBe(true);
});

test("Scrub takes nothing for damaged when an object is deleted while it is read", async () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const object = store(opened, 1);
  const other = store(opened, 2);
  let damagedCount = 0;
  opened.store.observe({
    damaged: () => {
      damagedCount++;
    },
  });
  await using run = startScrub(opened);
  await until("it is being read", () => opened.clock.sleeping > 0);
  opened.store.remove(object);
  await run.second();
  await run.second();
  await until("the other is verified", () => isVerified(other));
  expect([damagedCount, object.state]).toEqual([0, "partial"]);
});

test("Scrub waits while the disk is gone", async () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const object = store(opened, 1);
  // Not the disk: the index alone, which tells one disk from another.
  const content = readFileSync(opened.layout.indexPath);
  rmSync(opened.layout.indexPath);
  opened.store.disk.look();
  await using run = startScrub(opened);
  await until("it sleeps", () => opened.clock.sleeping > 0);
  await run.second();
  await run.second();
  expect([content.length > 0, isVerified(object), object.state]).toEqual([true, false, "whole"]);
});

test("Scrub begins the next round an hour after the last one began, however little there is", async () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const object = store(opened, 1);
  await using run = startScrub(opened);
  await run.second();
  await until("it is verified", () => isVerified(object));
  object.stamp = "s";
  await until("it sleeps", () => opened.clock.sleeping > 0);
  await opened.clock.advance(3_590_000);
  expect(isVerified(object)).toBe(false);
  await opened.clock.advance(10_000);
  await run.second();
  await until("it is verified again", () => isVerified(object));
});
