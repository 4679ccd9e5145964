import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Release } from "@neson/protocol/release";
import { problemOf, stampOf } from "./checked-file.ts";
import { MAX_RELEASE_FILE_BYTES, parseReleaseFile, RELEASE_FILE, type ReleaseFile } from "./release-file.ts";

/** Looking at a handful of files takes microseconds; doing so for every request would still be waste. */
const LOOK_EVERY_MS = 1000;

/** A release whose every file was read and found right. */
export interface Published extends ReleaseFile {
  /** Path of each build by its file name. */
  paths: ReadonlyMap<string, string>;
}

/**
 * The newest sound release of a directory. Every file is read once, and again when its size or time changed. While a changed directory is being read,
 * and when it turns out wrong, nothing is published whose files are no longer those that were read.
 */
export class ReleaseFolder {
  readonly #directory: string;
  readonly #deps: { clock: Clock; log: Log };
  #published: Published | undefined;
  /** Stamps of all files as they were when `#published` (or the problem) was found. */
  #stamps = new Map<string, string | undefined>();
  #problem: string | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(directory: string, deps: { clock: Clock; log: Log }) {
    this.#directory = directory;
    this.#deps = deps;
  }

  /** The release that may be announced and downloaded now. */
  current(): Published | undefined {
    const nowMs = this.#deps.clock.nowMs();
    if (Math.abs(nowMs - this.#lookedAtMs) >= LOOK_EVERY_MS) {
      this.#lookedAtMs = nowMs;
      if (this.#reading === undefined && this.#hasChanged()) void this.read();
    }
    return this.#published;
  }

  /** Why there is nothing to announce, for people; undefined when there is, or before the first reading. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Reads everything anew; ends once that is done. Never rejects. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  #hasChanged(): boolean {
    return [...this.#stamps].some(([name, stamp]) => stampOf(join(this.#directory, name)) !== stamp);
  }

  async #read(): Promise<void> {
    this.#published = undefined;
    // Before the reading: a file that changes during it is read again at the next look.
    const stamps = new Map([[RELEASE_FILE, stampOf(join(this.#directory, RELEASE_FILE))]]);
    const found = await this.#readAll(stamps).catch((error: unknown) => ({ problem: describeError(error) }));
    this.#stamps = stamps;
    if ("problem" in found) {
      if (found.problem !== this.#problem) {
        this.#deps.log.error({ directory: this.#directory, problem: found.problem }, "this release is not offered");
      }
      this.#problem = found.problem;
      return;
    }
    this.#problem = undefined;
    this.#published = found;
    const { release, stagePercent } = found;
    this.#deps.log.info({ version: release.version, stagePercent }, "offering a release");
  }

  async #readAll(stamps: Map<string, string | undefined>): Promise<Published | { problem: string }> {
    const path = join(this.#directory, RELEASE_FILE);
    if (stamps.get(RELEASE_FILE) === undefined) return { problem: `${path}: found no such file` };
    if (Bun.file(path).size > MAX_RELEASE_FILE_BYTES) return { problem: `${path}: found more than 64 KiB` };
    const parsed = parseReleaseFile(await readFile(path, "utf8"));
    if ("problem" in parsed) return parsed;
    const paths = new Map<string, string>();
    for (const binary of binariesOf(parsed.file.release)) {
      const binaryPath = join(this.#directory, binary.file);
      stamps.set(binary.file, stampOf(binaryPath));
      const problem = await problemOf(binaryPath, binary.file, binary);
      if (problem !== undefined) return { problem };
      paths.set(binary.file, binaryPath);
    }
    return { ...parsed.file, paths };
  }
}

/** The builds of a release, whatever their platform. */
export function binariesOf(release: Release): { file: string; bytes: number; sha256: string }[] {
  return Object.values(release.binaries);
}
