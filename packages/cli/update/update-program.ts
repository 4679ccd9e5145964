import { NesonError } from "@neson/kit/error";
import type { Release } from "@neson/protocol/release";
import { isNewer } from "@neson/router/releases/version";
import { type Fetch, printable } from "../fetched.ts";
import { fetchProgram } from "./fetch-program.ts";
import { findRelease } from "./find-release.ts";
import type { OwnProgram } from "./own-program.ts";
import { previousOf, replaceProgram } from "./replace-program.ts";

/** What an update needs to know. */
export interface UpdateOptions {
  dataDir: string;
  /** Asked when no Terminal runs on the data directory. */
  routerUrl: string;
}

/** What an update needs from its surroundings. */
export interface UpdateDeps {
  own: OwnProgram;
  fetch: Fetch;
  /** One line for the person who updates. */
  say: (line: string) => void;
  /** Whether the operator agrees; the question is shown. Nothing is downloaded before. */
  agrees: (question: string) => Promise<boolean>;
  /** Starts a program with `--version` and gives what it prints. */
  versionOf: (path: string) => Promise<string>;
  /** See `restartAdvice`. */
  restartAdvice: (programPath: string) => string;
}

/**
 * Replaces this very program by the announced release, if the operator agrees. Expected outcomes are told through `say`.
 * @throws NesonError (operator): it runs from source, there is no build for this machine, the download is not what was announced, …
 */
export async function updateProgram(options: UpdateOptions, deps: UpdateDeps): Promise<void> {
  const { own, say } = deps;
  if (!own.isBuilt) {
    const message = `updating: found NESON running from its source (${own.path}), allowed: an installed program; update a source tree with git pull`;
    throw new NesonError("runs-from-source", message, { fault: "operator" });
  }
  const { release, routerUrl, runningVersion } = await findRelease(options, deps.fetch);
  if (release === undefined) return say(`the Router has announced no version to this Terminal; ${own.version} stays`);
  if (!isNewer(release.version, own.version)) {
    say(`this program is version ${own.version}, and no newer one is announced`);
    if (runningVersion !== undefined && isNewer(own.version, runningVersion)) {
      say(`the Terminal that runs is still ${runningVersion}; to let it run this one: ${deps.restartAdvice(own.path)}`);
    }
    return;
  }
  const wanted = buildFor(own, release);
  for (const line of printable(release.notes).split("\n")) say(`  ${line}`);
  const megabytes = Math.ceil(wanted.bytes / 1e6);
  const question = `Replace version ${own.version} by ${release.version} (${megabytes} MB from ${routerUrl})?`;
  if (!(await deps.agrees(question))) return say("nothing was changed");
  const fresh = `${own.path}.new`;
  await fetchProgram({ ...wanted, url: `${routerUrl}/download/${wanted.file}` }, fresh, deps.fetch);
  await requireVersion(fresh, release.version, deps);
  await replaceProgram(own.path, fresh, own.platform === "windows-x64");
  say(`version ${release.version} is installed; ${own.version} is kept as ${previousOf(own.path)}`);
  say(`to let it run: ${deps.restartAdvice(own.path)}`);
}

function buildFor(own: OwnProgram, release: Release) {
  const wanted = own.platform === undefined ? undefined : release.binaries[own.platform];
  if (wanted !== undefined) return wanted;
  const platform = own.platform ?? "this machine";
  const message = `updating to version ${release.version}: found no program for ${platform}, there are: ${Object.keys(release.binaries).join(", ")}`;
  throw new NesonError("no-such-build", message, { fault: "operator" });
}

/** A program that does not start here must not take the place of one that does. */
async function requireVersion(path: string, version: string, { versionOf }: UpdateDeps): Promise<void> {
  const found = await versionOf(path).catch((error: unknown) => `no start: ${error}`);
  if (found.trim() === version) return;
  await Bun.file(path).delete();
  const message = `trying the downloaded program: found ${printable(found.trim()).slice(0, 200)}, expected version ${version}; nothing was changed`;
  throw new NesonError("wrong-program", message, { fault: "operator" });
}
