import { open } from "node:fs/promises";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { bodyWithHeadroom } from "@neson/kit/wire/headroom";
import { pieceCount, pieceSpan } from "@neson/protocol/object";
import type { Layout } from "./layout.ts";
import type { MemoryCache } from "./memory-cache.ts";
import type { ObjectStore } from "./object-store.ts";
import type { StoredObject } from "./stored-object.ts";
import { isPiece, readFully } from "./verify-pieces.ts";

/** Answers from disk that bring an object into memory, ranges on one ticket included; the first may well be its last. */
const WARM_HITS = 2;

/** What warming needs. */
export interface WarmDeps {
  store: ObjectStore;
  layout: Layout;
  memory: MemoryCache;
  log: Log;
}

/**
 * Reads an object that is asked for again into memory, verifying it once more on the way. Returns at once; what goes wrong is
 * logged, and an object found altered goes back to being checked.
 */
export function warm(object: StoredObject, deps: WarmDeps): void {
  object.diskReadCount++;
  if (object.diskReadCount < WARM_HITS || object.isWarming || !deps.memory.admits(object.size)) return;
  object.isWarming = true;
  load(object, deps)
    .catch((error) =>
      deps.log.warn({ objectId: object.objectId, reason: describeError(error) }, "not taken into memory"),
    )
    .finally(() => {
      object.isWarming = false;
    });
}

async function load(object: StoredObject, { store, layout, memory }: WarmDeps): Promise<void> {
  const description = store.describe(object);
  const bytes = await readAll(layout.objectPath(object.objectId), object.size);
  if (object.state !== "whole" || description === undefined) return;
  const { size, pieceSize, pieces } = description;
  const indexes = Array.from({ length: pieceCount(size, pieceSize) }, (_, index) => index);
  const isGood = indexes.every((index) => {
    const { first, length } = pieceSpan(index, size, pieceSize);
    return isPiece(pieces, index, bytes.subarray(first, first + length));
  });
  if (isGood) memory.keep(object, bytes);
  else store.setUnchecked(object);
}

/** As many bytes of the file as the object has; zeros for what the file lacks. */
async function readAll(path: string, size: number): Promise<Uint8Array> {
  const bytes = bodyWithHeadroom(size);
  await using file = await open(path, "r");
  await readFully(file, bytes, 0);
  return bytes;
}
