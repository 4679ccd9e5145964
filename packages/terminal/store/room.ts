import { type Dirent, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@neson/kit/log";
import type { Layout } from "./layout.ts";

const OBJECT_NAME = /^[0-9a-f]{64}$/;
/** Left free on the disk whatever the quota says: a full disk would stop the index too. */
const DISK_RESERVE_BYTES = 64 * 1024 * 1024;

/**
 * Whole object files that the index does not know, by object id, with their size in bytes. They are what is left after the index
 * was lost, and are taken back when a Router orders them again. Files of any other name are somebody else's: warned of, never touched.
 */
export function findStrays(layout: Layout, isKnown: (objectId: string) => boolean, log: Log): Map<string, number> {
  const strays = new Map<string, number>();
  for (const folder of readdirSync(layout.objectsDir, { withFileTypes: true })) {
    const path = join(layout.objectsDir, folder.name);
    if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) {
      log.warn({ path }, "not ours: left alone, it does not count towards the quota");
      continue;
    }
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (!isObjectFile(entry, folder.name)) {
        log.warn({ path: join(path, entry.name) }, "not ours: left alone, it does not count towards the quota");
      } else if (!isKnown(entry.name)) {
        strays.set(entry.name, statSync(join(path, entry.name)).size);
      }
    }
  }
  if (strays.size > 0)
    log.warn({ count: strays.size }, "object files that the index does not know: kept until ordered or in the way");
  return strays;
}

/** Removes from the folder of partial files what no fill can go on with. */
export function clearPartials(layout: Layout, isPartial: (objectId: string) => boolean): void {
  for (const name of readdirSync(layout.partialDir)) {
    if (name.endsWith(".part") && isPartial(name.slice(0, -".part".length))) continue;
    rmSync(join(layout.partialDir, name), { recursive: true, force: true });
  }
}

/** Bytes that the disk below a directory can still take, less a reserve. */
export function diskRoomBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return Math.max(0, bavail * bsize - DISK_RESERVE_BYTES);
}

function isObjectFile(entry: Dirent, folder: string): boolean {
  return entry.isFile() && OBJECT_NAME.test(entry.name) && entry.name.startsWith(folder);
}
