import { createHash } from "node:crypto";
import { renameSync, statSync, unlinkSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { KnownObject } from "./catalog-tables.ts";
import { GrowingFile } from "./growing-file.ts";
import { Lru } from "./lru.ts";

/** Larger bodies are never held in memory as a whole. */
const MAX_MEMORY_OBJECT_BYTES = 1_048_576;
/** What an object in memory takes beside its bytes. */
const HELD_BYTES = 400;
/** Bytes read from disk at a time for one reader. */
const BLOCK_BYTES = 262_144;
const OBJECT_ID = /^[0-9a-f]{64}$/;

/** Where the shield lies and how much it may hold. */
export interface ShieldOptions {
  directory: string;
  /** Disk space for complete and growing objects together. */
  maxBytes: number;
  /** Memory for whole small objects. */
  memoryBytes: number;
}

/** What the shield must know of an object to hand out its bytes. */
export interface ShieldObject {
  objectId: string;
  size: number;
  sha256: string;
}

/** One body on its way into the shield. */
export interface ShieldWrite {
  readonly body: GrowingFile;
  append(bytes: Uint8Array, release?: boolean): Promise<void>;
  /** Puts all received bytes in place under their id. Readers of `body` go on undisturbed. */
  finish(object: ShieldObject): Promise<void>;
  /** Readers of `body` throw `error`; nothing is left behind. */
  abort(error: Error): Promise<void>;
}

/**
 * The bytes pulled from origins: whole files named by object id, least recently used out first once the quota is full. A body becomes such
 * a file by one rename, so that a process killed at any moment leaves whole files and rubbish in `partial/`, which the next start removes.
 */
export class Shield {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #memory: Lru<Uint8Array>;
  /** Size by object id, least recently used first. */
  readonly #files = new Map<string, number>();
  readonly #loading = new Map<string, Promise<Uint8Array | undefined>>();
  #storedBytes = 0;
  #growingBytes = 0;
  #partials = 0;
  #used = new Set<string>();

  constructor(options: ShieldOptions, deps: { log: Log }) {
    this.#directory = options.directory;
    this.#maxBytes = options.maxBytes;
    this.#memory = new Lru(options.memoryBytes);
    this.#log = deps.log;
  }

  get objectCount(): number {
    return this.#files.size;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /**
   * Takes up the files of an earlier process that are `known`, in order of their use, and removes all others. Folder by folder: millions need no list.
   * @returns the ids of known files that have another length
   */
  async adopt(known: (objectIds: readonly string[]) => Promise<KnownObject[]>): Promise<string[]> {
    const adopted: KnownObject[] = [];
    const altered: string[] = [];
    for (const prefix of PREFIXES) {
      const found = await this.#listFolder(prefix);
      for (const object of await known([...found.keys()])) {
        if (found.get(object.objectId) !== object.size) altered.push(object.objectId);
        else if (found.delete(object.objectId)) adopted.push(object);
      }
      for (const objectId of found.keys()) await unlink(this.#pathOf(objectId));
    }
    adopted.sort((a, b) => a.lastUsedAtMs - b.lastUsedAtMs);
    for (const { objectId, size } of adopted) {
      this.#files.set(objectId, size);
      this.#storedBytes += size;
    }
    this.#makeRoom();
    return altered;
  }

  /** Where an object's bytes lie, for a reader outside; undefined when they are not here. Counts as a use. */
  open(objectId: string): { path: string; size: number } | undefined {
    const size = this.#files.get(objectId);
    if (size === undefined) return undefined;
    const path = this.#pathOf(objectId);
    if (statSync(path, { throwIfNoEntry: false })?.size !== size) {
      this.#lose(objectId, "its file is gone or has another length");
      return undefined;
    }
    this.#touch(objectId, size);
    return { path, size };
  }

  /** A small object's bytes, if they are in memory now. */
  inMemory(objectId: string): Uint8Array | undefined {
    return this.#memory.get(objectId);
  }

  /**
   * A small object's bytes, read from disk, checked against its hash and kept in memory; undefined when they are not here (any more), or the
   * object is larger than `MAX_MEMORY_OBJECT_BYTES`.
   */
  load(object: ShieldObject): Promise<Uint8Array | undefined> {
    const { objectId } = object;
    let loading = this.#loading.get(objectId);
    if (loading === undefined) {
      loading = this.#load(object).finally(() => this.#loading.delete(objectId));
      this.#loading.set(objectId, loading);
    }
    return loading;
  }

  /** Bytes `first` to `last` (inclusive) of a whole file; opens it at the first read. */
  async *read(path: string, first: number, last: number): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await open(path, "r");
    try {
      for (let at = first; at <= last; ) {
        const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, last - at + 1));
        const { bytesRead } = await file.read(block, 0, block.length, at);
        if (bytesRead === 0) throw new Error(`reading ${path} at byte ${at}: the file is shorter`);
        at += bytesRead;
        yield bytesRead === block.length ? block : block.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  /** Starts a body. */
  begin(): ShieldWrite {
    const path = join(this.#directory, "partial", `${++this.#partials}`);
    const body = new GrowingFile(path);
    let countedBytes = 0;
    const count = (bytes: number) => {
      countedBytes += bytes;
      this.#growingBytes += bytes;
      this.#makeRoom();
    };
    return {
      body,
      append: (bytes, release) => {
        count(bytes.length);
        return body.append(bytes, release);
      },
      finish: async (object) => {
        try {
          await this.#place(object, body, path);
        } catch (error) {
          if (!body.spilled) await rm(path, { force: true });
          throw error;
        } finally {
          count(-countedBytes);
        }
      },
      abort: async (error) => {
        body.fail(error);
        count(-countedBytes);
        await body.settle().catch(() => {});
        await rm(path, { force: true });
      },
    };
  }

  /** Lets an object's bytes go, whether or not they are here. Whoever reads them has them to the end. */
  remove(objectId: string): void {
    const size = this.#files.get(objectId);
    if (size !== undefined) this.#forget(objectId, size);
  }

  /** The ids used since this last gave any, for the catalog to note; undefined while fewer than `atLeast`. */
  takeUsed(atLeast: number): Set<string> | undefined {
    const used = this.#used;
    if (used.size < atLeast) return undefined;
    this.#used = new Set();
    return used;
  }

  async #place(object: ShieldObject, body: GrowingFile, path: string): Promise<void> {
    await body.settle();
    const target = this.#pathOf(object.objectId);
    const whole = body.wholeInMemory();
    if (whole !== undefined) await writeFile(path, whole);
    await rename(path, target);
    body.moved(target);
    if (whole !== undefined && whole.length > 0) this.#memory.set(object.objectId, whole, whole.length + HELD_BYTES);
    this.#storedBytes += object.size - (this.#files.get(object.objectId) ?? 0);
    this.#touch(object.objectId, object.size);
  }

  async #load({ objectId, size, sha256 }: ShieldObject): Promise<Uint8Array | undefined> {
    if (size > MAX_MEMORY_OBJECT_BYTES) return undefined;
    const file = this.open(objectId);
    if (file === undefined) return undefined;
    const bytes = await readFile(file.path).catch(() => undefined);
    if (bytes === undefined || createHash("sha256").update(bytes).digest("hex") !== sha256) {
      this.#lose(objectId, "its file is gone or altered");
      return undefined;
    }
    // Removed while it was read: the reader may have it, memory must not.
    if (this.#files.has(objectId)) this.#memory.set(objectId, bytes, bytes.length + HELD_BYTES);
    return bytes;
  }

  #touch(objectId: string, size: number): void {
    this.#files.delete(objectId);
    this.#files.set(objectId, size);
    this.#used.add(objectId);
  }

  #makeRoom(): void {
    if (this.#storedBytes + this.#growingBytes <= this.#maxBytes) return;
    for (const [objectId, size] of this.#files) {
      if (this.#storedBytes + this.#growingBytes <= this.#maxBytes) break;
      this.#forget(objectId, size);
    }
  }

  #lose(objectId: string, why: string): void {
    this.#log.warn({ objectId }, `object left the shield: ${why}`);
    this.#forget(objectId, this.#files.get(objectId) ?? 0);
  }

  #forget(objectId: string, size: number): void {
    this.#files.delete(objectId);
    this.#memory.delete(objectId);
    this.#storedBytes -= size;
    try {
      if (size <= MAX_MEMORY_OBJECT_BYTES) {
        unlinkSync(this.#pathOf(objectId));
        return;
      }
    } catch {
      return;
    }
    // Larger files take long. Moved aside at once, removed later: the same id may be written again before that is through.
    const aside = join(this.#directory, "partial", `${++this.#partials}`);
    try {
      renameSync(this.#pathOf(objectId), aside);
    } catch {
      return;
    }
    unlink(aside).catch((error) => this.#log.warn(`removing ${aside} failed: ${describeError(error)}`));
  }

  #pathOf(objectId: string): string {
    return join(this.#directory, objectId.slice(0, 2), objectId);
  }

  /** Size by object id. One call each for thousands of files: waiting for each of them would take ten times as long. */
  async #listFolder(prefix: string): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const name of await readdir(join(this.#directory, prefix))) {
      if (OBJECT_ID.test(name)) found.set(name, statSync(join(this.#directory, prefix, name)).size);
    }
    return found;
  }
}

const PREFIXES = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/**
 * Prepares the directory and removes what a killed process left half written. The catalog then calls `adopt`.
 * @throws NesonError `shield-unusable` (operator) when the directory cannot be made or written
 */
export async function openShield(options: ShieldOptions, deps: { log: Log }): Promise<Shield> {
  try {
    await rm(join(options.directory, "partial"), { recursive: true, force: true });
    for (const name of ["partial", ...PREFIXES]) await mkdir(join(options.directory, name), { recursive: true });
  } catch (error) {
    throw new NesonError("shield-unusable", `preparing the shield store ${options.directory} failed`, {
      fault: "operator",
      cause: error,
    });
  }
  return new Shield(options, deps);
}
