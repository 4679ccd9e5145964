import { type Dirent, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@neson/kit/log";
import type { Layout } from "./layout.ts";

const OBJECT_NAME = /^[0-9a-f]{64}$/;

/**
 * Whole object files that the index does not know. They are what is left after the index was lost, and are taken back when a Router
 * orders them again. Files of any other name are somebody else's: warned of, never touched.
 */
export class Strays {
  readonly #layout: Layout;
  /** Size in bytes by object id. */
  readonly #sizes: Map<string, number>;
  #bytes = 0;

  /** Looks through the folder of whole objects. */
  constructor(layout: Layout, isKnown: (objectId: string) => boolean, log: Log) {
    this.#layout = layout;
    this.#sizes = findStrays(layout, isKnown, log);
    for (const size of this.#sizes.values()) this.#bytes += size;
  }

  /** What they take of the quota. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The file in the place of this object now counts as one. */
  note(objectId: string): void {
    const stats = statSync(this.#layout.objectPath(objectId), { throwIfNoEntry: false });
    if (stats === undefined || this.#sizes.has(objectId)) return;
    this.#sizes.set(objectId, stats.size);
    this.#bytes += stats.size;
  }

  /** The index is about to know it. The file stays. */
  forget(objectId: string): void {
    this.#bytes -= this.#sizes.get(objectId) ?? 0;
    this.#sizes.delete(objectId);
  }

  /** Removes the files of as many as it takes; returns how many. `isEnough` is told how many went so far. */
  giveUpUntil(isEnough: (count: number) => boolean): number {
    let count = 0;
    for (const objectId of this.#sizes.keys()) {
      if (isEnough(count)) break;
      rmSync(this.#layout.objectPath(objectId), { force: true });
      this.forget(objectId);
      count++;
    }
    return count;
  }
}

function findStrays(layout: Layout, isKnown: (objectId: string) => boolean, log: Log): Map<string, number> {
  const strays = new Map<string, number>();
  const warn = (path: string) => log.warn({ path }, "not ours: left alone, it does not count towards the quota");
  for (const folder of readdirSync(layout.objectsDir, { withFileTypes: true })) {
    const path = join(layout.objectsDir, folder.name);
    if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) {
      warn(path);
      continue;
    }
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (!isObjectFile(entry, folder.name)) warn(join(path, entry.name));
      else if (!isKnown(entry.name)) strays.set(entry.name, statSync(join(path, entry.name)).size);
    }
  }
  if (strays.size > 0)
    log.warn({ count: strays.size }, "object files that the index does not know: kept until ordered or in the way");
  return strays;
}

function isObjectFile(entry: Dirent, folder: string): boolean {
  return entry.isFile() && OBJECT_NAME.test(entry.name) && entry.name.startsWith(folder);
}
