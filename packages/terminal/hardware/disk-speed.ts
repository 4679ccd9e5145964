import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";

/** Measured sequential speed of a disk, bytes a second. */
export interface DiskSpeed {
  readBytesPerSecond: number;
  writeBytesPerSecond: number;
}

const BLOCK_BYTES = 4 * 1024 * 1024;
const MAX_BYTES = 256 * 1024 * 1024;
/** For writing and for reading each. */
const MAX_MS = 1000;
/** Where the cache cannot be passed by, it is emptied this often: what piled up there on a slow card would take half a minute to go. */
const FLUSH_BYTES = 16 * 1024 * 1024;
/** One name for all, so that what a killed process left is overwritten and removed by the next measurement. */
const FILE_NAME = "speed-test.tmp";

/** How a file is opened: path, flags, mode. */
export type OpenFile = (path: string, flags: number, mode: number) => Promise<FileHandle>;

/**
 * Writes one temporary file of at most 256 MiB into the directory and reads it back, about a second for each; the file is removed. The system's
 * cache is passed by where it lets us (O_DIRECT on Linux); otherwise writing is measured up to the flush, and reading may be flattered.
 *
 * @throws Error of the file system
 */
export async function measureDisk(directory: string, openFile: OpenFile = open): Promise<DiskSpeed> {
  const path = join(directory, FILE_NAME);
  try {
    return await measure(path, constants.O_DIRECT ?? 0, openFile);
  } catch (error) {
    // EINVAL: a file system, tmpfs among them, that has no way past the cache, or wants blocks laid out otherwise.
    if (!isInvalid(error)) throw error;
    return await measure(path, 0, openFile);
  } finally {
    await rm(path, { force: true });
  }
}

async function measure(path: string, direct: number, openFile: OpenFile): Promise<DiskSpeed> {
  const block = alignedBlock();
  const isCached = direct === 0;
  const writing = constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY | direct;
  const writeBytesPerSecond = await timed(
    () => openFile(path, writing, 0o600),
    async (file, at) => {
      const { bytesWritten } = await file.write(block, 0, block.length, at);
      if (isCached && (at + bytesWritten) % FLUSH_BYTES === 0) await file.datasync();
      return bytesWritten;
    },
  );
  const reading = constants.O_RDONLY | direct;
  const readBytesPerSecond = await timed(
    () => openFile(path, reading, 0o600),
    async (file, at) => {
      const { bytesRead } = await file.read(block, 0, block.length, at);
      return bytesRead;
    },
  );
  return { writeBytesPerSecond, readBytesPerSecond };
}

async function timed(
  openIt: () => Promise<FileHandle>,
  step: (file: FileHandle, at: number) => Promise<number>,
): Promise<number> {
  await using file = await openIt();
  const startMs = performance.now();
  let bytes = 0;
  while (bytes < MAX_BYTES && performance.now() - startMs < MAX_MS) {
    const done = await step(file, bytes);
    if (done === 0) break;
    bytes += done;
  }
  // Nothing is left to do for one that was only read.
  await file.sync();
  return Math.round((bytes * 1000) / Math.max(1, performance.now() - startMs));
}

function isInvalid(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EINVAL";
}

/** Not all zeros, which some disks do not store at all. Memory of this size begins with a page of its own, as O_DIRECT wants it. */
function alignedBlock(): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const seedBytes = 65_536;
  crypto.getRandomValues(block.subarray(0, seedBytes));
  for (let at = seedBytes; at < block.length; at += seedBytes) block.copyWithin(at, 0, seedBytes);
  return block;
}
