import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NesonError } from "./error.ts";
import { lockDirectory, readOrCreateSecret, writeFileAtomic } from "./files.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "neson-files-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function errorOf(action: () => unknown): NesonError {
  try {
    action();
  } catch (error) {
    if (error instanceof NesonError) return error;
    throw error;
  }
  throw new Error("expected a NesonError");
}

test("writeFileAtomic() replaces the content, sets the mode and leaves no temporary file", async () => {
  const path = join(directory, "a.json");
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, Buffer.from("two"), 0o600);
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["a.json"]);
});

test("writeFileAtomic() leaves nothing behind when it fails", async () => {
  await expect(writeFileAtomic(join(directory, "missing", "a"), "x")).rejects.toThrow();
  writeFileSync(join(directory, "file"), "");
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("readOrCreateSecret() makes a random secret once, for its owner only", () => {
  const path = join(directory, "key");
  const secret = readOrCreateSecret(path, 32);
  expect(secret).toHaveLength(32);
  expect(new Set(secret).size).toBeGreaterThan(8);
  expect(readOrCreateSecret(path, 32)).toEqual(secret);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["key"]);
});

test("readOrCreateSecret() refuses a file of another length", () => {
  const path = join(directory, "key");
  writeFileSync(path, "short");
  expect(errorOf(() => readOrCreateSecret(path, 32))).toMatchObject({ code: "bad-secret", fault: "operator" });
  expect(readFileSync(path, "utf8")).toBe("short");
});

test("lockDirectory() refuses a second holder, naming the first, until that one lets go", async () => {
  const lock = lockDirectory(directory);
  const error = errorOf(() => lockDirectory(directory));
  expect(error).toMatchObject({ code: "data-directory-in-use", fault: "operator" });
  expect(error.message).toContain(String(process.pid));
  expect(error.message).toContain(directory);
  await lock[Symbol.asyncDispose]();
  await using _again = lockDirectory(directory);
});

test("lockDirectory() keeps other processes out, and lets go when its holder is killed", async () => {
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(join(import.meta.dir, "files.ts"))});
    globalThis.lock = lockDirectory(${JSON.stringify(directory)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  await holder.stdout.getReader().read();
  expect(errorOf(() => lockDirectory(directory)).message).toContain(`process ${holder.pid} `);
  holder.kill("SIGKILL");
  await holder.exited;
  await using _lock = lockDirectory(directory);
});

test("lockDirectory() makes a directory that is not there, and says when it cannot be made", async () => {
  const missing = join(directory, "missing/data");
  await using _lock = lockDirectory(missing);
  expect(existsSync(missing)).toBe(true);
  const file = join(directory, "a-file");
  writeFileSync(file, "");
  const error = errorOf(() => lockDirectory(join(file, "data")));
  expect(error).toMatchObject({ code: "data-directory-unusable", fault: "operator" });
  expect(error.message).toContain(`found ${join(file, "data")}, allowed: `);
});
