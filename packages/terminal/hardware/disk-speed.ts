import { constants } from "node:fs";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";

/** Measured sequential speed of a disk, bytes a second. */
export interface DiskSpeed {
  readBytesPerSecond: number;
  writeBytesPerSecond: number;
}

const BLOCK_BYTES = 4 * 1024 * 1024;
const MAX_BYTES = 256 * 1024 * 1024;
/** Of the free space, one part in so many is taken for the moment. */
const FREE_SHARE = 4;
/** For writing and for reading each. */
const MAX_MS = 1000;
/** Where the cache cannot be passed by, it is emptied this often: what piled up there on a slow card would take half a minute to go. */
const FLUSH_BYTES = 16 * 1024 * 1024;
/** One name for all, so that what a killed process left is overwritten and removed by the next measurement. */
const FILE_NAME = "speed-test.tmp";

/** How a file is opened: path, flags, mode. */
export type OpenFile = (path: string, flags: number, mode: number) => Promise<FileHandle>;

/**
 * Writes one temporary file of at most 256 MiB, and a quarter of the free space, into the directory and reads it back, about a second for each;
 * the file is removed. The system's cache is passed by where it lets us (O_DIRECT on Linux); otherwise writing is measured up to the flush, and
 * reading may be flattered.
 *
 * @throws Error of the file system, or for want of free space
 */
export async function measureDisk(directory: string, openFile: OpenFile = open): Promise<DiskSpeed> {
  const { bavail, bsize } = await statfs(directory);
  const maxBytes = Math.min(MAX_BYTES, (bavail * bsize) / FREE_SHARE);
  if (maxBytes < BLOCK_BYTES) throw new Error(`found ${bavail * bsize} bytes free, too few to measure`);
  const file = { path: join(directory, FILE_NAME), maxBytes };
  try {
    return await measure({ ...file, direct: constants.O_DIRECT ?? 0 }, openFile);
  } catch (error) {
    // EINVAL: a file system, tmpfs among them, that has no way past the cache, or wants blocks laid out otherwise.
    if (!isInvalid(error)) throw error;
    return await measure({ ...file, direct: 0 }, openFile);
  } finally {
    await rm(file.path, { force: true });
  }
}

/** The file that is written and read. */
interface Trial {
  path: string;
  maxBytes: number;
  /** O_DIRECT, or 0. */
  direct: number;
}

async function measure({ path, maxBytes, direct }: Trial, openFile: OpenFile): Promise<DiskSpeed> {
  const block = alignedBlock();
  const isCached = direct === 0;
  const writing = constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY | direct;
  await using written = await openFile(path, writing, 0o600);
  const writeBytesPerSecond = await timed(maxBytes, {
    step: async (at) => {
      const { bytesWritten } = await written.write(block, 0, block.length, at);
      if (isCached && (at + bytesWritten) % FLUSH_BYTES === 0) await written.datasync();
      return bytesWritten;
    },
    finish: () => written.sync(),
  });
  await using read = await openFile(path, constants.O_RDONLY | direct, 0o600);
  const readBytesPerSecond = await timed(maxBytes, {
    step: async (at) => (await read.read(block, 0, block.length, at)).bytesRead,
    finish: async () => {},
  });
  return { writeBytesPerSecond, readBytesPerSecond };
}

/** Moves one block after another, from `at` on; 0 when there is no more. Then finishes, which counts too. */
interface Work {
  step: (at: number) => Promise<number>;
  finish: () => Promise<void>;
}

async function timed(maxBytes: number, { step, finish }: Work): Promise<number> {
  const startMs = performance.now();
  let bytes = 0;
  while (bytes + BLOCK_BYTES <= maxBytes && performance.now() - startMs < MAX_MS) {
    const done = await step(bytes);
    if (done === 0) break;
    bytes += done;
  }
  await finish();
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
