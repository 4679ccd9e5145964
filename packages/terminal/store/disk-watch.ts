import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Layout } from "./layout.ts";

/** Why nothing new can be kept: the disk has no room, takes no writes, or is not there any more. */
export type DiskFault = "disk-full" | "disk-read-only" | "disk-gone";

/** Left free on the disk whatever the quota says: a full disk would stop the index too. */
const DISK_RESERVE_BYTES = 64 * 1024 * 1024;

const ADVICE: Record<DiskFault, string> = {
  "disk-full": `less than ${DISK_RESERVE_BYTES} bytes are free: make room on this disk or lower the quota`,
  "disk-read-only": "it takes no writes: look for its errors in the system log, then mount it writable again",
  "disk-gone": "the data directory is not there, or is another one: bring that disk back, or restart with another one",
};

/** What the watch takes from outside. */
export interface DiskWatchDeps {
  log: Log;
  /** Bytes that may still be written to the disk below a directory; the system's own word when absent. */
  freeBytes?: ((directory: string) => number) | undefined;
}

/**
 * Looks after the disk below the data directory. What it finds is told to the log once, when it changes; nothing that was saved is
 * touched, and when the disk is well again, so is this.
 *
 * While all is well it writes nothing, so as not to wear the disk out; once a write has failed, it tries one at each look.
 */
export class DiskWatch {
  readonly #layout: Layout;
  readonly #log: Log;
  readonly #freeBytes: (directory: string) => number;
  /** The index that was opened: another one in its place is another disk. */
  readonly #identity: string | undefined;
  #fault: DiskFault | undefined;
  #roomBytes = 0;
  /** What the last failed write said, until one succeeds. */
  #writeFault: { fault: DiskFault; reason: string } | undefined;
  #probing: Promise<void> | undefined;

  constructor(layout: Layout, { log, freeBytes = freeBytesBelow }: DiskWatchDeps) {
    this.#layout = layout;
    this.#log = log;
    this.#freeBytes = freeBytes;
    this.#identity = this.#identify();
    this.look();
  }

  /** As of the last look. */
  get fault(): DiskFault | undefined {
    return this.#fault;
  }

  /** As of the last look; a full disk is. */
  get isWritable(): boolean {
    return this.#fault === undefined || this.#fault === "disk-full";
  }

  /** Bytes that the disk can still take, less a reserve, as of the last look. */
  get roomBytes(): number {
    return this.#roomBytes;
  }

  /** Looks again. Quick; meant for once a second, and before something large is begun. Never throws. */
  look(): void {
    const room = this.#readRoom();
    const { fault, reason } = this.#judge(room);
    this.#roomBytes = fault === undefined ? room : 0;
    if (fault === this.#fault) return;
    const was = this.#fault;
    this.#fault = fault;
    const { dataDir } = this.#layout;
    if (fault === undefined) this.#log.info({ dataDir, was }, "the disk is well again: saves are welcome");
    else
      this.#log.error(
        { dataDir, fault, reason },
        `the disk takes no new objects, those it has are served: ${ADVICE[fault]}`,
      );
  }

  /** A read or write has failed; if it was the disk's doing, this finds out. Resolves when it has. */
  noteFailure(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
      this.look();
    });
    return this.#probing;
  }

  /** @throws NesonError `no-room` or `disk` (operator) while nothing new can be kept */
  check(attempt: string): void {
    this.look();
    if (this.#fault === undefined) return;
    const message = `${attempt}: ${this.#fault}: ${ADVICE[this.#fault]}`;
    throw new NesonError(this.#fault === "disk-full" ? "no-room" : "disk", message, { fault: "operator" });
  }

  #judge(roomBytes: number): { fault?: DiskFault; reason?: string } {
    if (this.#identity === undefined || this.#identify() !== this.#identity) return { fault: "disk-gone" };
    const denied = this.#denied();
    if (denied !== undefined) return { fault: "disk-read-only", reason: denied };
    if (this.#writeFault !== undefined) {
      this.noteFailure();
      return this.#writeFault;
    }
    return roomBytes > 0 ? {} : { fault: "disk-full" };
  }

  #identify(): string | undefined {
    try {
      const { dev, ino } = statSync(this.#layout.indexPath);
      return `${dev}:${ino}`;
    } catch {
      return undefined;
    }
  }

  /** Shows a disk that was mounted read-only without a write; one that broke while it was mounted shows only by a write. */
  #denied(): string | undefined {
    try {
      for (const directory of [this.#layout.objectsDir, this.#layout.partialDir]) accessSync(directory, constants.W_OK);
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }

  #readRoom(): number {
    try {
      return Math.max(0, this.#freeBytes(this.#layout.dataDir) - DISK_RESERVE_BYTES);
    } catch {
      return 0;
    }
  }

  async #probe(): Promise<void> {
    const path = join(this.#layout.partialDir, `${process.pid}.probe`);
    try {
      const file = await open(path, "w", 0o600);
      try {
        await file.writeFile(Buffer.alloc(4096));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rm(path);
      this.#writeFault = undefined;
    } catch (error) {
      this.#writeFault = { fault: faultOf(error), reason: describeError(error) };
    }
  }
}

function freeBytesBelow(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

function faultOf(error: unknown): DiskFault {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return "disk-full";
  return code === "ENODEV" || code === "ENXIO" || code === "ENOENT" ? "disk-gone" : "disk-read-only";
}
