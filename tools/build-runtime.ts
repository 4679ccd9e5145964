import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Target } from "./build-targets.ts";
import { root } from "./source-files.ts";

/** Verified packages of other platforms' runtimes; a build offline works with what is here. */
const CACHE = join(root, "node_modules", ".cache", "neson-runtimes");

/** What package-lock.json says of a runtime. */
interface LockedRuntime {
  version: string;
  /** Subresource Integrity, "sha512-…". */
  integrity: string;
}

/**
 * Path of the Bun runtime for a target: the one that runs this, if npm installed it from the target's package; otherwise that package
 * from the npm registry, whose checksum must be the one of package-lock.json. `workDir` receives what has to be unpacked.
 */
export async function runtimeFor(target: Target, workDir: string): Promise<string> {
  const locked = lockedRuntime(readFileSync(join(root, "package-lock.json"), "utf8"), target.runtimePackage);
  // npm installs this package only on its own platform, and has checked it; its install script moves the runtime to where it runs.
  const isOwn = existsSync(join(root, "node_modules", target.runtimePackage, "package.json"));
  if (isOwn && Bun.version === locked.version) return process.execPath;
  const archive = join(CACHE, `${target.runtimePackage.replace("@oven/", "")}-${locked.version}.tgz`);
  if (!existsSync(archive) || (await integrityOf(archive)) !== locked.integrity) {
    await download(target.runtimePackage, locked, archive);
  }
  const unpacked = join(workDir, target.platform);
  mkdirSync(unpacked);
  const inside = `package/${target.runtimeFile}`;
  await run(["tar", "-xzf", archive, "-C", unpacked, inside], `unpacking ${archive}`);
  return join(unpacked, inside);
}

/** Version and checksum of a package in the text of package-lock.json. Throws when either is missing. */
export function lockedRuntime(lockText: string, name: string): LockedRuntime {
  const found = JSON.parse(lockText).packages?.[`node_modules/${name}`];
  if (typeof found?.version === "string" && /^sha512-/.test(found.integrity ?? "")) return found;
  throw new Error(`package-lock.json: found no version and sha512 integrity of ${name}; restore that entry`);
}

/** The file's checksum as package-lock.json writes it. */
export async function integrityOf(path: string): Promise<string> {
  const hash = createHash("sha512");
  for await (const block of Bun.file(path).stream()) hash.update(block);
  return `sha512-${hash.digest("base64")}`;
}

async function download(name: string, { version, integrity }: LockedRuntime, archive: string): Promise<void> {
  console.log(`build: fetching ${name}@${version} from the npm registry`);
  mkdirSync(CACHE, { recursive: true });
  const directory = await mkdtemp(join(CACHE, "fetching-"));
  try {
    const command = [
      "npm",
      "pack",
      `${name}@${version}`,
      "--json",
      "--loglevel=error",
      "--pack-destination",
      directory,
    ];
    const [packed] = JSON.parse(await run(command, `fetching ${name}@${version}`));
    const fetched = join(directory, packed.filename);
    const found = await integrityOf(fetched);
    if (found !== integrity) {
      throw new Error(`${name}@${version}: found ${found}, package-lock.json allows ${integrity}; nothing was built`);
    }
    await rename(fetched, archive);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs a program to its end and gives its standard output; throws with what it said when it fails. */
export async function run(command: string[], doing: string, directory = root): Promise<string> {
  const child = Bun.spawn(command, { cwd: directory, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${doing} failed (exit code ${code}): ${(stderr || stdout).trim()}`);
  return stdout;
}
