import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "@neson/kit/error";
import type { DiskSpeed } from "@neson/terminal/hardware/disk-speed";
import { sizeText } from "@neson/terminal/panel/size-text";
import { type Finding, fail, ok, skipped, warn } from "./finding.ts";

const MIB = 1024 ** 2;
/** Less than this is of no use to anybody. */
const LEAST_ROOM_BYTES = 1024 * MIB;
const SLOW_BYTES_PER_SECOND = 40 * MIB;
const TOO_SLOW_BYTES_PER_SECOND = 5 * MIB;

/** What there is of room, bytes. */
export interface Room {
  quotaBytes: number;
  /** By objects that are stored already. */
  usedBytes: number;
  freeBytes: number;
}

/** Whether the quota fits on the disk. */
export function checkSpace({ quotaBytes, usedBytes, freeBytes }: Room): Finding {
  const name = "disk space";
  const fits = usedBytes + freeBytes;
  const text = `quota ${sizeText(quotaBytes)}, ${sizeText(usedBytes)} used, ${sizeText(freeBytes)} free on the disk`;
  if (fits < Math.min(LEAST_ROOM_BYTES, quotaBytes)) {
    return fail(name, text, "Free some space on the disk, or name a directory on another one with --data.");
  }
  if (fits >= quotaBytes) return ok(name, text);
  const remedy = `Lower the quota to at most ${sizeText(fits)} (--quota; while it runs: neson terminal quota), or free some space.`;
  return warn(name, `${text}: less than the quota needs`, remedy);
}

/** Whether the disk is fast enough. `measure` rejects when the disk cannot be written. */
export async function checkDiskSpeed(measure: () => Promise<DiskSpeed>): Promise<Finding> {
  const name = "disk speed";
  let speed: DiskSpeed;
  try {
    speed = await measure();
  } catch (error) {
    return fail(name, `it cannot be measured (${describeError(error)})`, "Make the data directory writable.");
  }
  const { readBytesPerSecond, writeBytesPerSecond } = speed;
  const text = `reads ${sizeText(readBytesPerSecond)}/s, writes ${sizeText(writeBytesPerSecond)}/s`;
  const slowest = Math.min(readBytesPerSecond, writeBytesPerSecond);
  const remedy = "Move the data directory to a faster disk (--data), or give hot objects more memory (--memory).";
  if (slowest < TOO_SLOW_BYTES_PER_SECOND) return fail(name, `${text}: too slow to serve from`, remedy);
  return slowest < SLOW_BYTES_PER_SECOND ? warn(name, `${text}: slow`, remedy) : ok(name, text);
}

/** Bytes of stored objects by the index of a Terminal that does not run; 0 when there is none. */
export function storedBytes(dataDir: string): number {
  const path = join(dataDir, "index.sqlite");
  if (!existsSync(path)) return 0;
  try {
    using database = new Database(path, { readonly: true });
    const query = database.query<{ bytes: number | null }, []>("SELECT sum(size) AS bytes FROM objects");
    return query.get()?.bytes ?? 0;
  } catch {
    // A damaged index is the start's business: it moves it aside and says so.
    return 0;
  }
}

/** For a data directory that is not there yet: nothing is made for a measurement. */
export function noDiskSpeed(): Finding {
  return skipped("disk speed", "measured once the data directory exists");
}
