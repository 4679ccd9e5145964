import { expect, test } from "bun:test";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Settings } from "./settings.ts";

test("Settings gives back what was set, also after a restart", () => {
  using directory = temporaryDirectory();
  {
    using opened = openTestStore(directory.path);
    const settings = new Settings(opened.index);
    settings.set("a", "1");
    settings.set("a", "2");
    expect([settings.get("a"), settings.get("b")]).toEqual(["2", undefined]);
  }
  using opened = openTestStore(directory.path);
  expect(new Settings(opened.index).get("a")).toBe("2");
});

test("Settings holds in memory what the disk does not take, and writes it with the next one", () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const settings = new Settings(opened.index);
  settings.set("a", "1");
  // SQLite itself refuses: as a disk would, and on every machine.
  opened.index.run("PRAGMA query_only = 1");
  settings.set("a", "2");
  settings.set("b", "3");
  expect([settings.get("a"), settings.get("b"), new Settings(opened.index).get("a")]).toEqual(["2", "3", "1"]);
  opened.index.run("PRAGMA query_only = 0");
  settings.set("c", "4");
  expect(["a", "b", "c"].map((name) => new Settings(opened.index).get(name))).toEqual(["2", "3", "4"]);
});
