import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readFiles, testFiles } from "./source-files.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "neson-files-"));
  const paths = ["test/e2e/c.test.ts", "packages/kit/b.test.ts", "packages/kit/a.ts", "tools/a.test.ts"];
  for (const path of [...paths, "packages/kit/node_modules/x/x.test.ts", ".neson/y.ts"]) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), path);
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("readFiles() gives sorted paths and texts, without installed or generated files", () => {
  expect(readFiles("**/*.ts", directory)).toEqual([
    { path: "packages/kit/a.ts", text: "packages/kit/a.ts" },
    { path: "packages/kit/b.test.ts", text: "packages/kit/b.test.ts" },
    { path: "test/e2e/c.test.ts", text: "test/e2e/c.test.ts" },
    { path: "tools/a.test.ts", text: "tools/a.test.ts" },
  ]);
});

test("testFiles() puts unit tests before those under test/", async () => {
  expect(await testFiles(directory)).toEqual(["packages/kit/b.test.ts", "tools/a.test.ts", "test/e2e/c.test.ts"]);
});
