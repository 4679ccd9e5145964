// Makes a fresh clone runnable: installs what package-lock.json names, and checks that the Bun binary works. Runs on plain
// Node before anything is installed, so it uses no dependency. Silent and quick when everything is in place.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stampPath = join(modules, ".neson-setup");
const onWindows = process.platform === "win32";

const lockHash = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

requireNode(20);
if (!isInstalled()) install();
if (!bunWorks()) repairBun();

function requireNode(major) {
  if (Number(process.versions.node.split(".")[0]) >= major) return;
  fail(`found Node ${process.versions.node}, needed: Node ${major} or newer`);
}

function isInstalled() {
  return existsSync(stampPath) && readFileSync(stampPath, "utf8").trim() === lockHash;
}

function install() {
  say("installing what package-lock.json names (npm install); this happens once");
  // Not `npm ci`: that refuses a lock file which lacks the binaries of other platforms, and npm drops them whenever it writes one with a
  // registry that has none. `--no-save` keeps to the lock file without writing it. NODE_ENV=production would leave out the
  // development dependencies, and Bun is one.
  if (!npm(["install", "--no-save", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"])) {
    fail("npm install failed (see above); check the network and the npm registry, then run the same command again");
  }
  writeFileSync(stampPath, `${lockHash}\n`);
}

function bunWorks() {
  const bun = join(modules, ".bin", onWindows ? "bun.exe" : "bun");
  const result = spawnSync(bun, ["--version"], { encoding: "utf8" });
  return result.status === 0 && /^\d+\.\d+/.test(result.stdout);
}

/** Bun's npm package puts its binary in place with an install script, which some npm settings block. */
function repairBun() {
  say("the bun binary is not in place yet; letting its install script run (npm rebuild bun)");
  npm(["rebuild", "bun", "--ignore-scripts=false"]);
  if (bunWorks()) return;
  spawnSync(process.execPath, ["install.js"], { cwd: join(modules, "bun"), stdio: "inherit" });
  if (bunWorks()) return;
  fail(
    `node_modules/.bin/bun does not run on this machine (${process.platform} ${process.arch}); try: rm -rf node_modules && npm install`,
  );
}

/** Runs npm, its output on standard error; true when it succeeded. */
function npm(args) {
  // Inside an npm script this is the very npm that runs it.
  const script = process.env.npm_execpath;
  const viaNode = script !== undefined && /\.[cm]?js$/.test(script);
  const command = viaNode ? process.execPath : "npm";
  const options = { cwd: root, stdio: ["ignore", 2, 2], shell: onWindows && !viaNode };
  return spawnSync(command, viaNode ? [script, ...args] : args, options).status === 0;
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}
