import type { Database } from "bun:sqlite";
import { existsSync, type Stats } from "node:fs";
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { lockDirectory } from "@neson/kit/files";
import type { Log } from "@neson/kit/log";
import { openIndex } from "@neson/terminal/store/index-database";
import { openLayout } from "@neson/terminal/store/layout";

/** Of `blocks` in stat(2). */
const BLOCK_BYTES = 512;
const FOLDER = /^[0-9a-f]{2}$/;
const OBJECT_FILE = /^[0-9a-f]{64}$/;

/** What became of the stored objects. */
export interface Withdrawn {
  freedBytes: number;
  /** Files below `objects` that no Terminal made; left alone. */
  foreignCount: number;
}

/**
 * Deletes every object of a Terminal that does not run. Its key, the Router's key and unsettled claims stay: it can come back as who it is.
 * Ending it half-way does no harm; what is left goes with the next try.
 * @throws NesonError `data-directory-in-use` when it does run, `index-unusable` (operator)
 */
export async function withdrawStopped(dataDir: string, deps: { clock: Clock; log: Log }): Promise<Withdrawn> {
  // A directory that nobody ever used is not made for this.
  if (!existsSync(dataDir)) return { freedBytes: 0, foreignCount: 0 };
  await using _lock = lockDirectory(dataDir);
  const layout = openLayout(dataDir);
  const index = openIndex(layout.indexPath, deps);
  try {
    forgetObjects(index);
  } finally {
    index.close();
  }
  const whole = await emptyObjects(layout.objectsDir);
  const partial = await emptyPartial(layout.partialDir);
  return { freedBytes: whole.freedBytes + partial, foreignCount: whole.foreignCount };
}

/** Before the files: a Terminal that is started after a crash half-way must not look for files that went. */
function forgetObjects(index: Database): void {
  index.transaction(() => {
    for (const table of ["header_sets", "ranks", "objects"]) index.run(`DELETE FROM ${table}`);
  })();
  index.run("VACUUM");
}

async function emptyObjects(objectsDir: string): Promise<Withdrawn> {
  let freedBytes = 0;
  let foreignCount = 0;
  for (const folder of await readdir(objectsDir, { withFileTypes: true })) {
    if (!folder.isDirectory() || !FOLDER.test(folder.name)) {
      foreignCount++;
      continue;
    }
    const path = join(objectsDir, folder.name);
    const entries = await readdir(path, { withFileTypes: true });
    const ours = entries.filter((entry) => entry.isFile() && OBJECT_FILE.test(entry.name));
    for (const { name } of ours) freedBytes += (await remove(join(path, name))).size;
    foreignCount += entries.length - ours.length;
    if (entries.length === ours.length) await rmdir(path);
  }
  return { freedBytes, foreignCount };
}

/** Wholly the Terminal's own. */
async function emptyPartial(partialDir: string): Promise<number> {
  let freedBytes = 0;
  for (const entry of await readdir(partialDir, { withFileTypes: true })) {
    const path = join(partialDir, entry.name);
    if (entry.isFile()) {
      // A file that is being filled has holes.
      const { size, blocks } = await remove(path);
      freedBytes += process.platform === "win32" ? size : Math.min(size, blocks * BLOCK_BYTES);
    } else await rm(path, { recursive: true, force: true });
  }
  return freedBytes;
}

async function remove(path: string): Promise<Stats> {
  const stats = await stat(path);
  await rm(path, { force: true });
  return stats;
}
