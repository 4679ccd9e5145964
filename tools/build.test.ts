import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PLATFORMS } from "@neson/protocol/release";
import { integrityOf, lockedRuntime, run } from "./build-runtime.ts";
import { TARGETS } from "./build-targets.ts";
import { root } from "./source-files.ts";

const lockText = readFileSync(join(root, "package-lock.json"), "utf8");

test("there is a target for every platform, and package-lock.json fixes the runtime of each, of one version", () => {
  expect(TARGETS.map((target) => target.platform)).toEqual([...PLATFORMS]);
  const versions = TARGETS.map((target) => lockedRuntime(lockText, target.runtimePackage).version);
  expect(new Set(versions)).toEqual(new Set([Bun.version]));
});

test("lockedRuntime() refuses a package without a checksum", () => {
  expect(() => lockedRuntime('{"packages":{}}', "@oven/bun-linux-x64")).toThrow(
    "found no version and sha512 integrity",
  );
  const weak = { packages: { "node_modules/x": { version: "1.0.0", integrity: "sha1-abc" } } };
  expect(() => lockedRuntime(JSON.stringify(weak), "x")).toThrow("restore that entry");
});

test("integrityOf() is what npm writes into package-lock.json", async () => {
  const directory = await mkdtemp(join(tmpdir(), "neson-build-"));
  try {
    await Bun.write(join(directory, "package.json"), '{"name":"x","version":"1.0.0"}');
    const command = ["npm", "pack", directory, "--json", "--loglevel=error", "--pack-destination", directory];
    const [packed] = JSON.parse(await run(command, "packing"));
    expect(await integrityOf(join(directory, packed.filename))).toBe(packed.integrity);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("run() fails with what the program said", async () => {
  expect(run(["sh", "-c", "echo why >&2; exit 3"], "trying")).rejects.toThrow("trying failed (exit code 3): why");
});

test.each([
  [["--only", "linux-x86"], '--only: found "linux-x86", allowed: linux-x64, linux-arm64, windows-x64, darwin-arm64'],
  [["--stage", "101"], '--stage: found "101", allowed: a number from 0 to 100'],
  [["--stage", ""], '--stage: found "", allowed: a number from 0 to 100'],
  [["--frobnicate"], "--frobnicate"],
])("npm run build refuses %j in one line, and makes nothing", async (args, reason) => {
  const directory = await mkdtemp(join(tmpdir(), "neson-build-"));
  try {
    const child = Bun.spawn(
      [process.execPath, join(root, "tools/build.ts"), "--out", join(directory, "dist"), ...args],
      {
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    expect(said).toMatch(/^build: .*\n$/);
    expect(said).toContain(reason);
    expect(code).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
