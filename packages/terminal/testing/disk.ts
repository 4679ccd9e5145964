import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary.ts";

/** A disk of its own that can be filled up, made read-only and taken away, under a data directory. */
export interface TestDisk extends Disposable {
  /** Does not exist until somebody makes it. */
  dataDir: string;
  /** For DiskWatch: what is free, where it cannot be the system's word. */
  freeBytes: ((directory: string) => number) | undefined;
  /** Leaves no room on it. */
  fill(): void;
  /** Takes back `fill`. */
  empty(): void;
  /** Makes it read-only as the kernel does after errors: also for files that are open, and for good. */
  breakWrites(): void;
  /** Makes its directories unwritable. */
  lock(): void;
  unlock(): void;
  /** What the data directory's path leads to is not it any more. */
  takeAway(): void;
  bringBack(): void;
}

const DISK_BYTES = 192 * 2 ** 20;

/**
 * A real ext4 disk in a file where this process may mount one: Linux, root, loop devices. Elsewhere a directory: there `fill` only changes
 * what `freeBytes` says, a lock is a matter of modes, and to take it away is to rename it.
 */
export function openTestDisk(): TestDisk {
  const directory = temporaryDirectory();
  const device = process.platform === "linux" && process.getuid?.() === 0 ? attach(directory.path) : undefined;
  return device === undefined ? directoryDisk(directory) : loopDisk(directory, device);
}

function attach(directory: string): string | undefined {
  const image = join(directory, "disk.img");
  closeSync(openSync(image, "w"));
  truncateSync(image, DISK_BYTES);
  const device = output("losetup", "-f", "--show", image)?.trim();
  if (device === undefined) return undefined;
  mkdirSync(join(directory, "mount"));
  const isMounted = runs("mkfs.ext4", "-q", device) && runs("mount", device, join(directory, "mount"));
  // Takes effect once nothing uses it any more, however this process ends.
  runs("losetup", "-d", device);
  return isMounted ? device : undefined;
}

function loopDisk(directory: ReturnType<typeof temporaryDirectory>, device: string): TestDisk {
  const mount = join(directory.path, "mount");
  const dataDir = join(mount, "data");
  const ballast = join(mount, "ballast");
  const must = (...command: string[]) => {
    if (!runs(...command)) throw new Error(`failed: ${command.join(" ")}`);
  };
  const setImmutable = (flag: "+i" | "-i") => must("chattr", flag, ...lockable(dataDir));
  return {
    dataDir,
    freeBytes: undefined,
    fill() {
      const { bavail, bsize } = statfsSync(mount);
      must("fallocate", "-l", String(bavail * bsize), ballast);
    },
    empty: () => rmSync(ballast),
    breakWrites: () => must("mount", "-o", "remount,abort", mount),
    lock: () => setImmutable("+i"),
    unlock: () => setImmutable("-i"),
    takeAway: () => must("umount", "-l", mount),
    bringBack: () => must("mount", device, mount),
    [Symbol.dispose]() {
      runs("umount", "-l", mount);
      directory[Symbol.dispose]();
    },
  };
}

function directoryDisk(directory: ReturnType<typeof temporaryDirectory>): TestDisk {
  const dataDir = join(directory.path, "data");
  const setModes = (mode: number) => {
    for (const path of lockable(dataDir)) chmodSync(path, mode);
  };
  let isFull = false;
  return {
    dataDir,
    freeBytes: () => (isFull ? 0 : 2 ** 40),
    fill() {
      isFull = true;
    },
    empty() {
      isFull = false;
    },
    breakWrites: () => setModes(0o500),
    lock: () => setModes(0o500),
    unlock: () => setModes(0o700),
    takeAway: () => renameSync(dataDir, `${dataDir}.away`),
    bringBack() {
      rmSync(dataDir, { recursive: true, force: true });
      renameSync(`${dataDir}.away`, dataDir);
    },
    [Symbol.dispose]() {
      if (existsSync(dataDir)) setModes(0o700);
      directory[Symbol.dispose]();
    },
  };
}

/** The directories that new files go to. */
function lockable(dataDir: string): string[] {
  const objects = join(dataDir, "objects");
  return [join(dataDir, "partial"), objects, ...readdirSync(objects).map((name) => join(objects, name))];
}

function runs(...[program = "", ...rest]: string[]): boolean {
  return spawnSync(program, rest, { stdio: "ignore" }).status === 0;
}

function output(program: string, ...rest: string[]): string | undefined {
  const result = spawnSync(program, rest, { encoding: "utf8" });
  return result.status === 0 ? result.stdout : undefined;
}
