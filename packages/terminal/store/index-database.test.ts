import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { openIndex } from "./index-database.ts";
import { MIGRATIONS } from "./index-schema.ts";
import { ObjectRows } from "./object-rows.ts";
import { Settings } from "./settings.ts";

const PLACED = { keepUntilSeconds: undefined, isPinned: false, isPlaced: true };
const deps = { clock: new FakeClock(1000), log: silentLog };

/** An index of a hundred objects, closed. */
function prepare(path: string): void {
  const index = openIndex(path, deps);
  const rows = new ObjectRows(index);
  for (let i = 0; i < 100; i++) rows.insertPartial(describeBytes(seededBytes(100 + i, i)), PLACED, i);
  index.close();
}

test.each<[string, (path: string) => void]>([
  [
    "is something else",
    (path) => writeFileSync(path, "not a database, but long enough to look like one. ".repeat(100)),
  ],
  ["was cut", (path) => truncateSync(path, 9000)],
  [
    "has a page overwritten",
    (path) => {
      const content = readFileSync(path);
      content.fill(0xff, 4096, 12_288);
      writeFileSync(path, content);
    },
  ],
])("openIndex() moves the index aside and starts with an empty one when it %s", (_what, damage) => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "index.sqlite");
  prepare(path);
  damage(path);
  const index = openIndex(path, deps);
  expect(new ObjectRows(index).all()).toEqual([]);
  index.close();
  expect(readdirSync(directory.path)).toContain("index.sqlite.damaged-1000");
});

test("openIndex() keeps what is there when the index is sound", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "index.sqlite");
  prepare(path);
  const index = openIndex(path, deps);
  expect(new ObjectRows(index).all()).toHaveLength(100);
  index.close();
});

test("openIndex() refuses an index of a newer program", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "index.sqlite");
  const index = openIndex(path, deps);
  index.run("PRAGMA user_version = 99");
  index.close();
  expect(() => openIndex(path, deps)).toThrow(/has version 99, this program reads 2/);
});

/** What a version-1 program wrote: two objects with header sets, a claim, a setting, and a page of free space. */
function writeVersion1(path: string): void {
  const index = new Database(path, { create: true, strict: true });
  for (const statement of (MIGRATIONS[0] ?? "").split(";")) if (statement.trim() !== "") index.run(statement);
  index.run("PRAGMA journal_mode = WAL");
  index.run("PRAGMA user_version = 1");
  for (const [seed, isWhole] of [
    [1, 1],
    [2, 0],
  ] as const) {
    const { objectId, size, pieceSize, sha256, pieces } = describeBytes(seededBytes(300_000, seed));
    const row = [objectId, size, pieceSize, sha256, pieces, isWhole, 40 + seed, 1_699_000_000_000 + seed];
    index.query("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(...row);
    index.query("INSERT INTO header_sets VALUES (?, ?, ?, ?)").run(objectId, "ab".repeat(8), "demo", '[["a","b"]]');
  }
  index.query("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?)").run("n1", "t1", 500, 1_800_000_000, 300, 200);
  index.query("INSERT INTO settings VALUES (?, ?)").run("edge-scheme", "https");
  index.close();
}

test("openIndex() takes an index of version 1 to version 2 and loses nothing of it", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "index.sqlite");
  writeVersion1(path);
  // Opened twice: the second time there is nothing left to do.
  for (let time = 0; time < 2; time++) {
    const index = openIndex(path, deps);
    expect(index.query("PRAGMA user_version").get()).toEqual({ user_version: 2 });
    const rows = new ObjectRows(index);
    const [second, first] = [2, 1].map((seed) => describeBytes(seededBytes(300_000, seed)));
    const kept = { keep_until: null, is_pinned: 0, is_placed: 1 };
    expect(rows.all()).toMatchObject([
      { object_id: second?.objectId, size: 300_000, sha256: second?.sha256, is_whole: 0, request_count: 42, ...kept },
      { object_id: first?.objectId, size: 300_000, sha256: first?.sha256, is_whole: 1, request_count: 41, ...kept },
    ]);
    expect(rows.pieces(first?.objectId ?? "")).toEqual(first?.pieces);
    expect(rows.allHeaderSets()).toHaveLength(2);
    expect(rows.leastChecked(Number.MAX_SAFE_INTEGER, 10)).toEqual([first?.objectId ?? ""]);
    expect(index.query("SELECT * FROM claims").values()).toEqual([["n1", "t1", 500, 1_800_000_000, 300, 200]]);
    expect(new Settings(index).get("edge-scheme")).toBe("https");
    index.close();
  }
  expect(readdirSync(directory.path)).toEqual(["index.sqlite"]);
});

test("openIndex() leaves an index as it was when a step of its migration fails", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "index.sqlite");
  writeVersion1(path);
  const spoiled = new Database(path);
  // The last step makes this table: the ones before must not have happened either.
  spoiled.run("CREATE TABLE ranks (x INTEGER)");
  spoiled.close();
  expect(() => openIndex(path, deps)).toThrow(/cannot open the index .*ranks already exists/);
  const index = new Database(path);
  expect(index.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  expect(index.query("SELECT count(*) AS count FROM objects").get()).toEqual({ count: 2 });
  expect(() => index.query("SELECT keep_until FROM objects")).toThrow(/no such column/);
  index.close();
});
