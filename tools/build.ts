// `npm run build`: the self-contained programs and what a Router needs to give them out (`neson router run --releases dist`).
//   npm run build                          all platforms
//   npm run build -- --only linux-x64      one of them, or several, separated by commas
//   npm run build -- --stage 10            announce the release to 10% of the Terminals
//   npm run build -- --out DIR             elsewhere than dist/
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp, open, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Release } from "@neson/protocol/release";
import { checksumsOf } from "@neson/router/releases/answer-releases";
import { type ReleaseFile, releaseFileSchema } from "@neson/router/releases/release-file";
import { run, runtimeFor } from "./build-runtime.ts";
import { TARGETS, type Target } from "./build-targets.ts";
import { executableKind } from "./executable-kind.ts";
import { releaseNotes } from "./release-notes.ts";
import { root } from "./source-files.ts";

const ENTRY = join(root, "packages", "cli", "main.ts");
/** The demo site finds its files beside its code; inside the program that is where folders named relative to here lie. */
const DEMO = join(root, "packages", "cli", "demo");
const DEMO_FOLDERS = ["page", "assets"];
const HEAD_BYTES = 64 * 1024;

interface BuildOptions {
  targets: readonly Target[];
  stagePercent: number;
  outDir: string;
}

type Binary = NonNullable<Release["binaries"][Target["platform"]]>;

function readArguments(args: string[]): BuildOptions {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true, default: [] },
      stage: { type: "string", default: "100" },
      out: { type: "string", default: join(root, "dist") },
    },
  });
  const stagePercent = Number(values.stage);
  if (values.stage.trim() === "" || !(stagePercent >= 0 && stagePercent <= 100)) {
    throw new Error(`option --stage: found ${JSON.stringify(values.stage)}, allowed: a number from 0 to 100`);
  }
  return { targets: chooseTargets(values.only), stagePercent, outDir: resolve(values.out) };
}

function chooseTargets(only: string[]): readonly Target[] {
  if (only.length === 0) return TARGETS;
  const wanted = only.flatMap((names) => names.split(","));
  const unknown = wanted.find((name) => !TARGETS.some((target) => target.platform === name));
  if (unknown !== undefined) {
    const allowed = TARGETS.map((target) => target.platform).join(", ");
    throw new Error(`option --only: found ${JSON.stringify(unknown)}, allowed: ${allowed}`);
  }
  return TARGETS.filter((target) => wanted.includes(target.platform));
}

/** Everything is made in a directory of its own and moved when all of it is there, `release.json` last. */
async function build({ targets, stagePercent, outDir }: BuildOptions): Promise<void> {
  mkdirSync(outDir, { recursive: true });
  const workDir = await mkdtemp(join(outDir, ".building-"));
  try {
    const binaries: Release["binaries"] = {};
    for (const target of targets) binaries[target.platform] = await buildOne(target, workDir);
    const { version } = JSON.parse(readFileSync(join(root, "packages", "cli", "package.json"), "utf8"));
    const notes = releaseNotes(readFileSync(join(root, "CHANGELOG.md"), "utf8"));
    const content: ReleaseFile = releaseFileSchema.parse({ release: { version, notes, binaries }, stagePercent });
    rmSync(join(outDir, "release.json"), { force: true });
    for (const { file } of TARGETS) rmSync(join(outDir, file), { force: true });
    for (const { file } of targets) await rename(join(workDir, file), join(outDir, file));
    await Bun.write(join(outDir, "SHA256SUMS"), checksumsOf(Object.values(content.release.binaries)));
    await Bun.write(join(workDir, "release.json"), `${JSON.stringify(content, null, 2)}\n`);
    await rename(join(workDir, "release.json"), join(outDir, "release.json"));
    console.log(`build: version ${version} is in ${outDir}; a Router gives it out with --releases ${outDir}`);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

async function buildOne(target: Target, workDir: string): Promise<Binary> {
  const runtime = await runtimeFor(target, workDir);
  const path = join(workDir, target.file);
  const command = [process.execPath, "build", ENTRY, "--compile", "--sourcemap", `--outfile=${path}`];
  command.push(`--target=${target.bunTarget}`, `--compile-executable-path=${runtime}`);
  // The program reads its settings from flags and the environment alone, never from files of the directory it is started in.
  command.push("--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig");
  for (const folder of DEMO_FOLDERS) command.push("--asset", folder);
  await run(command, `compiling ${target.file}`, DEMO);
  const { kind, bytes, sha256 } = await inspect(path);
  if (kind !== target.kind) throw new Error(`${target.file}: found ${kind}, expected ${target.kind}`);
  console.log(`build: ${target.file}, ${Math.round(bytes / 1e6)} MB, ${kind}`);
  return { file: target.file, bytes, sha256 };
}

async function inspect(path: string): Promise<{ kind: string; bytes: number; sha256: string }> {
  await using file = await open(path, "r");
  const head = new Uint8Array(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
  const hash = createHash("sha256");
  for await (const block of Bun.file(path).stream()) hash.update(block);
  const { size } = await file.stat();
  return { kind: executableKind(head.subarray(0, bytesRead)), bytes: size, sha256: hash.digest("hex") };
}

try {
  await build(readArguments(process.argv.slice(2)));
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
