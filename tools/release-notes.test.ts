import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { releaseNotes } from "./release-notes.ts";
import { root } from "./source-files.ts";

test("releaseNotes() gives the first section of a changelog", () => {
  expect(
    releaseNotes("# Changelog\n\nFor people.\n\n## 2.0\n\n- New.\n\n### Fixed\n\n- Old.\n\n## 1.0\n\n- First.\n"),
  ).toBe("- New.\n\n### Fixed\n\n- Old.");
  expect(releaseNotes("## Only\n- one")).toBe("- one");
  expect(() => releaseNotes("# Changelog\n")).toThrow("no section");
});

test("releaseNotes() ends at a line's end when there is too much to say, and is long enough for this changelog", () => {
  const notes = releaseNotes(`## 1\n${"- a line of news\n".repeat(200)}`);
  expect(notes.length).toBeLessThanOrEqual(2000);
  expect(notes).toEndWith("- a line of news\n…");
  expect(releaseNotes(readFileSync(join(root, "CHANGELOG.md"), "utf8")).length).toBeGreaterThan(0);
});
