// Sets a fresh clone up, then runs one of the project's TypeScript programs with the project's own Bun:
// `node tools/run.mjs FILE [ARGUMENT …]`. npm scripts call this, so that stopping npm stops what it started.
import "./setup.mjs";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PARENT_CHECK_MS = 500;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bun = join(root, "node_modules", ".bin", process.platform === "win32" ? "bun.exe" : "bun");
const parent = process.ppid;

// The services of the command line stop when this pipe ends, however this process ends. Tests and measurements start services of
// their own, which must not take it for theirs.
const isCommandLine = process.argv[2] === "packages/cli/main.ts";
const child = spawn(bun, process.argv.slice(2), {
  stdio: ["pipe", "inherit", "inherit"],
  env: isCommandLine ? { ...process.env, NESON_STOP_WITH_PARENT: "1" } : process.env,
});
child.stdin.on("error", () => {});
// Ctrl-C reaches the child by itself: a terminal signals the whole group. Passed on as well, it would count twice.
process.on("SIGINT", () => child.stdin.end());
process.on("SIGTERM", () => {
  child.stdin.end();
  child.kill("SIGTERM");
});
// npm may be killed without a word.
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  child.stdin.end();
  child.kill("SIGTERM");
  clearInterval(watch);
}, PARENT_CHECK_MS);
watch.unref();

child.on("error", (error) => {
  process.stderr.write(`run: starting ${bun} failed: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
