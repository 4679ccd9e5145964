import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { silentLog } from "@neson/kit/log";
import { IndexDigest } from "@neson/protocol/index-digest";
import { headersIdOf } from "@neson/protocol/manifest";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { StartCheck } from "./start-check.ts";

const bytes = seededBytes(300_000, 1);
const description = describeBytes(bytes);
const list: [string, string][] = [["content-type", "text/plain"]];
const headerSet = { headersId: headersIdOf(list), site: "demo", list };
const otherList: [string, string][] = [["content-type", "text/html"]];
const otherSet = { headersId: headersIdOf(otherList), site: "demo", list: otherList };

type Opened = ReturnType<typeof openTestStore>;

/** Puts `content` where the whole object belongs. */
function place({ layout }: Opened, content: Uint8Array = bytes, objectId = description.objectId): void {
  const path = layout.objectPath(objectId);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A store that has the object whole, as a former run left it. */
function prepare(dataDir: string, isWhole = true): void {
  using opened = openTestStore(dataDir);
  const object = opened.store.begin(description);
  opened.store.addHeaderSet(object, headerSet);
  if (isWhole) {
    place(opened);
    opened.store.setWhole(object, "stamp");
  }
}

test("ObjectStore counts room and pairs when objects come and go", () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path, 1_000_000);
  const { store } = opened;
  const object = store.begin(description);
  store.addHeaderSet(object, headerSet);
  expect([store.remainingBytes, store.servedCount, [...store.pairs()]]).toEqual([700_000, 0, []]);
  expect(store.indexDigest).toBe("0".repeat(64));
  place(opened);
  expect(store.setWhole(object, "s")).toBe(true);
  store.addHeaderSet(object, otherSet);
  const digest = new IndexDigest();
  digest.add(object.objectId, headerSet.headersId);
  digest.add(object.objectId, otherSet.headersId);
  expect(store.indexDigest).toBe(digest.toString());
  expect([...store.pairs()]).toHaveLength(2);
  store.removeHeaderSet(object, otherSet.headersId);
  expect(store.servedCount).toBe(1);
  store.removeHeaderSet(object, headerSet.headersId);
  expect([store.remainingBytes, store.servedCount, store.indexDigest]).toEqual([1_000_000, 0, "0".repeat(64)]);
  expect([store.find(object.objectId), existsSync(opened.layout.objectPath(object.objectId))]).toEqual([
    undefined,
    false,
  ]);
  expect(store.setWhole(object, "s")).toBe(false);
});

test("ObjectStore refuses with no-room when the quota is used, after giving up idle fills and strays", () => {
  using directory = temporaryDirectory();
  {
    using opened = openTestStore(directory.path);
    place(opened, bytes, "ab".repeat(32));
  }
  using opened = openTestStore(directory.path, 700_000);
  const { store } = opened;
  expect(store.remainingBytes).toBe(400_000);
  const first = store.begin(describeBytes(seededBytes(300_000, 2)));
  first.isFilling = true;
  // The stray goes first, then the fill that nobody works on.
  const second = store.begin(describeBytes(seededBytes(300_001, 3)));
  expect(existsSync(opened.layout.objectPath("ab".repeat(32)))).toBe(false);
  store.begin(description);
  expect([store.find(second.objectId), store.find(first.objectId)]).toEqual([undefined, first]);
  expect(() => store.begin(describeBytes(seededBytes(400_001, 4)))).toThrow(/saving 400001 bytes: 400000 of 700000/);
});

test("ObjectStore comes back with its objects unchecked when it is opened again", async () => {
  using directory = temporaryDirectory();
  prepare(directory.path);
  using opened = openTestStore(directory.path);
  const object = opened.store.find(description.objectId);
  expect([object?.state, opened.store.servedCount]).toEqual(["unchecked", 0]);
  opened.check.start();
  await opened.check.done;
  expect([object?.state, opened.store.servedCount]).toEqual(["whole", 1]);
  expect(object?.headerSets.get(headerSet.headersId)?.list).toEqual(list);
});

test.each<[string, Uint8Array | undefined]>([
  ["a byte was flipped", bytes.with(270_000, (bytes[270_000] ?? 0) ^ 1)],
  ["the file was cut", bytes.subarray(0, 299_999)],
  ["the file grew", Buffer.concat([bytes, Buffer.from("x")])],
  ["the file is gone", undefined],
])("StartCheck keeps what is good for a fill to go on from, and says so, when %s", async (_what, content) => {
  using directory = temporaryDirectory();
  prepare(directory.path);
  using opened = openTestStore(directory.path);
  const { store, layout } = opened;
  const damaged: string[] = [];
  store.observe({ damaged: ({ objectId }) => damaged.push(objectId) });
  const path = layout.objectPath(description.objectId);
  if (content === undefined) rmSync(path);
  else writeFileSync(path, content);
  opened.check.start();
  await opened.check.done;
  expect([store.find(description.objectId)?.state, [...store.pairs()], damaged]).toEqual([
    "partial",
    [],
    [description.objectId],
  ]);
  expect(existsSync(path)).toBe(false);
  const part = layout.partialPath(description.objectId);
  if (content !== undefined) expect(readFileSync(part).equals(content)).toBe(true);
  expect(opened.rows.all()).toMatchObject([{ is_whole: 0 }]);
});

test.each([
  ["the piece list was altered", "UPDATE objects SET pieces = zeroblob(64)"],
  ["the size was altered", "UPDATE objects SET size = 5"],
])("StartCheck forgets the object and leaves its file to be taken back when %s in the index", async (_what, damage) => {
  using directory = temporaryDirectory();
  prepare(directory.path);
  {
    using opened = openTestStore(directory.path);
    opened.index.run(damage);
  }
  using opened = openTestStore(directory.path);
  opened.check.start();
  await opened.check.done;
  expect([opened.store.find(description.objectId), [...opened.store.pairs()]]).toEqual([undefined, []]);
  expect([opened.rows.all(), opened.rows.allHeaderSets(), opened.store.usedBytes]).toEqual([[], [], 300_000]);
  expect(readFileSync(opened.layout.objectPath(description.objectId)).equals(bytes)).toBe(true);
});

test.each([
  ["an id that leads out of its folder", "object_id", "../../../../precious"],
  ["a size below nothing", "size", -1],
  ["a size that is no number", "size", "much"],
  ["pieces of no bytes", "piece_size", 0],
  ["a time that is none", "keep_until", "soon"],
])("ObjectStore leaves out a row and touches no file when the index says %s", (_what, column, value) => {
  using directory = temporaryDirectory();
  const precious = join(directory.path, "precious");
  writeFileSync(precious, "mine");
  const dataDir = join(directory.path, "data");
  prepare(dataDir);
  {
    using opened = openTestStore(dataDir);
    opened.index.query(`UPDATE objects SET ${column} = ?`).run(value);
  }
  using opened = openTestStore(dataDir);
  expect([...opened.store.all()]).toEqual([]);
  // The file is there still, as one that the index does not know.
  expect([opened.store.usedBytes, readFileSync(precious, "utf8")]).toEqual([300_000, "mine"]);
});

test("StartCheck takes back a whole file when a crash came between its rename and its row", async () => {
  using directory = temporaryDirectory();
  prepare(directory.path, false);
  {
    using opened = openTestStore(directory.path);
    place(opened);
  }
  using opened = openTestStore(directory.path);
  opened.check.start();
  await opened.check.done;
  expect(opened.store.find(description.objectId)?.state).toBe("whole");
});

test("StartCheck hands a wrong file to the fill when its row is partial", async () => {
  using directory = temporaryDirectory();
  prepare(directory.path, false);
  using opened = openTestStore(directory.path);
  place(opened, bytes.subarray(1));
  opened.check.start();
  await opened.check.done;
  expect(opened.store.find(description.objectId)?.state).toBe("partial");
  expect(existsSync(opened.layout.objectPath(description.objectId))).toBe(false);
  expect(readFileSync(opened.layout.partialPath(description.objectId)).length).toBe(299_999);
});

test("StartCheck reads the most used first and no faster than it may", async () => {
  using directory = temporaryDirectory();
  const contents = [1, 2, 3].map((seed) => seededBytes(200_000, seed));
  {
    using opened = openTestStore(directory.path);
    contents.forEach((content, i) => {
      const object = opened.store.begin(describeBytes(content));
      place(opened, content, object.objectId);
      opened.store.setWhole(object, "s");
      for (let hits = 0; hits < i; hits++) opened.store.noteUse(object, 1000);
    });
    opened.store.flushUse();
  }
  using opened = openTestStore(directory.path);
  const { store, clock, layout } = opened;
  const check = new StartCheck(200_000, { store, layout, clock, log: silentLog });
  check.start();
  const states = () => contents.map((content) => store.find(describeBytes(content).objectId)?.state);
  const settle = async () => {
    while (clock.sleeping === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await settle();
  expect(states()).toEqual(["unchecked", "unchecked", "unchecked"]);
  await clock.advance(1000);
  await settle();
  expect(states()).toEqual(["unchecked", "unchecked", "whole"]);
  const least = store.find(describeBytes(contents[0] ?? bytes).objectId);
  // A client waits for the least used: it comes at once.
  expect(least === undefined ? false : await check.check(least)).toBe(true);
  expect(states()).toEqual(["whole", "unchecked", "whole"]);
  // Another waits for the one that the pass is just reading: its bound falls, without the clock moving.
  const paced = store.find(describeBytes(contents[1] ?? bytes).objectId);
  expect(paced === undefined ? false : await check.check(paced)).toBe(true);
  await check[Symbol.asyncDispose]();
});

test("ObjectStore leaves strangers' files alone and clears its own partial folder when it opens", () => {
  using directory = temporaryDirectory();
  prepare(directory.path, false);
  {
    using opened = openTestStore(directory.path);
    mkdirSync(join(opened.layout.objectsDir, "ab"), { recursive: true });
    writeFileSync(join(opened.layout.objectsDir, "ab", "holiday.jpg"), "x");
    writeFileSync(join(opened.layout.objectsDir, "notes.txt"), "x");
    writeFileSync(opened.layout.partialPath(description.objectId), "x");
    writeFileSync(opened.layout.partialPath("cd".repeat(32)), "x");
    writeFileSync(join(opened.layout.partialDir, "17-0.gone"), "x");
  }
  using opened = openTestStore(directory.path);
  expect(readdirSync(join(opened.layout.objectsDir, "ab"))).toEqual(["holiday.jpg"]);
  expect(existsSync(join(opened.layout.objectsDir, "notes.txt"))).toBe(true);
  expect(readdirSync(opened.layout.partialDir)).toEqual([`${description.objectId}.part`]);
});

test("ObjectStore leaves out a header set when its row was altered", () => {
  using directory = temporaryDirectory();
  prepare(directory.path);
  {
    using opened = openTestStore(directory.path);
    opened.index.run(`UPDATE header_sets SET headers = '[["content-type","text/evil"]]'`);
  }
  using opened = openTestStore(directory.path);
  expect(opened.store.find(description.objectId)?.headerSets.size).toBe(0);
});

test("ObjectStore counts by state and names the most requested when asked for its statistics", () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const { store } = opened;
  const objects = Array.from({ length: 100 }, (_, i) => store.begin(describeBytes(seededBytes(1000 + i, i))));
  objects.forEach((object, i) => {
    for (let use = 0; use < (i * 37) % 100; use++) store.noteUse(object, 5000 + i);
  });
  const [first, second] = objects;
  if (first === undefined || second === undefined) throw new Error("too few");
  store.addHeaderSet(first, headerSet);
  store.setWhole(first, "s");
  store.setWhole(second, "s");
  store.setUnchecked(second);
  const bytesInAll = objects.reduce((sum, { size }) => sum + size, 0);
  expect(store.stats()).toEqual({
    objects: 100,
    bytes: bytesInAll,
    partialObjects: 98,
    uncheckedObjects: 1,
    byState: {
      partial: { objects: 98, bytes: bytesInAll - 2001 },
      unchecked: { objects: 1, bytes: 1001 },
      whole: { objects: 1, bytes: 1000 },
    },
  });
  const popular = store.popular(3);
  expect(popular.map(({ requestCount }) => requestCount)).toEqual([99, 98, 97]);
  for (let use = 0; use < 200; use++) store.noteUse(first, 9000);
  const { objectId } = first;
  const top = { objectId, size: 1000, site: "demo", requestCount: 200, lastUsedAtMs: 9000, state: "whole" } as const;
  expect(store.popular(1)).toEqual([top]);
  expect(store.popular(1000)).toHaveLength(100);
});
