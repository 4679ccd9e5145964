import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Where everything lies in a Terminal's data directory. */
export interface Layout {
  dataDir: string;
  /** Whole objects, in folders named after the first two digits of their id. */
  objectsDir: string;
  /** Objects being filled, and files on their way out. Wholly ours: what nobody knows here is removed at start. */
  partialDir: string;
  indexPath: string;
  objectPath(objectId: string): string;
  partialPath(objectId: string): string;
}

/** Names the places and makes the directories, readable by their owner only. */
export function openLayout(dataDir: string): Layout {
  const objectsDir = join(dataDir, "objects");
  const partialDir = join(dataDir, "partial");
  for (const directory of [dataDir, objectsDir, partialDir]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    dataDir,
    objectsDir,
    partialDir,
    indexPath: join(dataDir, "index.sqlite"),
    objectPath: (objectId) => join(objectsDir, objectId.slice(0, 2), objectId),
    partialPath: (objectId) => join(partialDir, `${objectId}.part`),
  };
}
