import { expect, test } from "bun:test";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { openIndex } from "./index-database.ts";
import { ObjectRows } from "./object-rows.ts";

const deps = { clock: new FakeClock(1000), log: silentLog };

/** An index of a hundred objects, closed. */
function prepare(path: string): void {
  const index = openIndex(path, deps);
  const rows = new ObjectRows(index);
  for (let i = 0; i < 100; i++) rows.insertPartial(describeBytes(seededBytes(100 + i, i)), i);
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
  expect(() => openIndex(path, deps)).toThrow(/has version 99, this program reads 1/);
});
