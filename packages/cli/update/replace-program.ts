import { copyFile, link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { NesonError } from "@neson/kit/error";

/** Where the replaced program is kept. */
export function previousOf(path: string): string {
  return `${path}.previous`;
}

/**
 * Puts the program at `fresh` (same directory) in the place of the one at `path`, which is kept as `path.previous`. At every moment there is a
 * whole program at `path`, but for an instant on Windows, which lets a running program be renamed and not replaced.
 *
 * @throws NesonError `program-not-replaced` (operator); the old program is in its place then
 */
export async function replaceProgram(path: string, fresh: string, onWindows: boolean): Promise<void> {
  const previous = previousOf(path);
  try {
    await rm(previous, { force: true });
    if (onWindows) await swapByRenaming(path, fresh, previous);
    else {
      await link(path, previous).catch(() => copyFile(path, previous));
      await rename(fresh, path);
      await flushDirectory(dirname(path));
    }
  } catch (cause) {
    await rm(fresh, { force: true });
    const message = `replacing ${path} failed; the old program is still there. Allowed: a directory that this user may write, and no program that runs from ${previous}`;
    throw new NesonError("program-not-replaced", message, { fault: "operator", cause });
  }
}

async function swapByRenaming(path: string, fresh: string, previous: string): Promise<void> {
  await rename(path, previous);
  try {
    await rename(fresh, path);
  } catch (error) {
    await rename(previous, path);
    throw error;
  }
}

async function flushDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}
