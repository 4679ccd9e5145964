import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A clone in miniature: the real setup.mjs, a lock file, and an npm that writes down how it was called.
let clone = "";
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "neson-setup-"));
  mkdirSync(join(clone, "tools"));
  copyFileSync(join(import.meta.dir, "setup.mjs"), join(clone, "tools", "setup.mjs"));
  writeFileSync(join(clone, "package-lock.json"), "{}");
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

const WORKING_BUN = `require("node:fs").writeFileSync(bun, "#!/bin/sh\\necho 1.4.5\\n", { mode: 0o755 });`;

function run(npmBody: string) {
  const bin = JSON.stringify(join(clone, "node_modules", ".bin"));
  const npm = join(clone, "npm.cjs");
  writeFileSync(
    npm,
    `const bin = ${bin}, bun = bin + "/bun", args = process.argv.slice(2);
    require("node:fs").appendFileSync(${JSON.stringify(join(clone, "calls"))}, args.join(" ") + "\\n");
    require("node:fs").mkdirSync(bin, { recursive: true });
    ${npmBody}`,
  );
  const result = Bun.spawnSync(["node", join(clone, "tools", "setup.mjs")], {
    env: { ...process.env, npm_execpath: npm },
    stderr: "pipe",
    stdout: "pipe",
  });
  const calls = existsSync(join(clone, "calls")) ? readFileSync(join(clone, "calls"), "utf8").trim().split("\n") : [];
  rmSync(join(clone, "calls"), { force: true });
  return { code: result.exitCode, calls, output: result.stdout.toString() + result.stderr.toString() };
}

const INSTALL_CALL = "install --no-save --include=dev --no-audit --no-fund --loglevel=error";

test("setup installs a fresh clone once, and is silent from then on", () => {
  const first = run(WORKING_BUN);
  expect(first).toMatchObject({ code: 0, calls: [INSTALL_CALL] });
  expect(first.output).toContain("installing");
  expect(run(WORKING_BUN)).toEqual({ code: 0, calls: [], output: "" });
});

test("setup installs again when package-lock.json has changed", () => {
  run(WORKING_BUN);
  writeFileSync(join(clone, "package-lock.json"), '{"changed":true}');
  expect(run(WORKING_BUN)).toMatchObject({ code: 0, calls: [INSTALL_CALL] });
});

test("setup lets bun's install script run when npm had blocked it", () => {
  const result = run(`if (args[0] === "rebuild") ${WORKING_BUN}`);
  expect(result).toMatchObject({ code: 0, calls: [INSTALL_CALL, "rebuild bun --ignore-scripts=false"] });
});

test("setup says what to do when bun cannot be made to run", () => {
  mkdirSync(join(clone, "node_modules", ".bin"), { recursive: true });
  writeFileSync(join(clone, "node_modules", ".bin", "bun"), "#!/bin/sh\nexit 1\n");
  chmodSync(join(clone, "node_modules", ".bin", "bun"), 0o755);
  const hash = createHash("sha256").update("{}").digest("hex");
  writeFileSync(join(clone, "node_modules", ".neson-setup"), hash);
  const result = run("");
  expect(result.code).toBe(1);
  expect(result.output).toContain("node_modules/.bin/bun does not run on this machine");
});

test("setup fails, and remembers nothing, when npm install fails", () => {
  const result = run("process.exit(7)");
  expect(result.code).toBe(1);
  expect(result.output).toContain("npm install failed");
  expect(run(WORKING_BUN)).toMatchObject({ code: 0, calls: [INSTALL_CALL] });
});

test("package-lock.json names the binaries of every platform, so that npm ci takes it anywhere", async () => {
  const lock = (await Bun.file(join(import.meta.dir, "../package-lock.json")).json()) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => lock.packages[`node_modules/${name}`] === undefined);
  expect(missing).toEqual([]);
});
