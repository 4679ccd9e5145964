import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeError, NesonError } from "./error.ts";

/**
 * Writes a file so that after a crash at any moment it holds either its old or its new content: temporary file in the same directory, flushed, then
 * renamed. `mode` defaults to 0o644.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * The secret kept in a file of exactly `bytes` bytes, readable by its owner only; made of system randomness at first use. Of
 * two processes that race to make it, both get the one that won. Throws NesonError "bad-secret" when the file has another length.
 */
export function readOrCreateSecret(path: string, bytes: number): Uint8Array {
  const existing = readIfThere(path);
  if (existing !== undefined) return checkedSecret(path, existing, bytes);
  const temporary = temporaryBeside(path);
  const descriptor = openSync(temporary, "wx", 0o600);
  try {
    writeSync(descriptor, randomBytes(bytes));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    // link, unlike rename, never replaces what another process has put there.
    linkSync(temporary, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return checkedSecret(path, readFileSync(path), bytes);
}

/**
 * Claims a data directory, made when it is not there, for this process until disposed. The lock is the operating system's (through SQLite), so it ends with the
 * process however that dies. Throws NesonError "data-directory-in-use" naming the holder, or "data-directory-unusable".
 */
export function lockDirectory(directory: string): AsyncDisposable {
  const holderPath = join(directory, "lock.pid");
  const database = openLock(join(directory, "lock"), directory);
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    const holder = readIfThere(holderPath)?.toString("utf8").trim() || "unknown";
    const message = `cannot use data directory ${directory}: process ${holder} is using it; stop that one or choose another directory`;
    throw new NesonError("data-directory-in-use", message, {
      fault: "operator",
      details: { directory, holder },
      cause,
    });
  }
  writeFileSync(holderPath, `${process.pid}\n`);
  return {
    async [Symbol.asyncDispose]() {
      try {
        rmSync(holderPath, { force: true });
      } catch {
        // A disk that has become read-only keeps the file; the lock is what counts.
      } finally {
        database.close();
      }
    },
  };
}

function openLock(path: string, directory: string): Database {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new Database(path, { create: true });
  } catch (cause) {
    const message = `data directory: found ${directory}, allowed: a directory that can be made and written (${describeError(cause)})`;
    throw new NesonError("data-directory-unusable", message, { fault: "operator", details: { directory } });
  }
}

function temporaryBeside(path: string): string {
  return `${path}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
}

function checkedSecret(path: string, secret: Uint8Array, bytes: number): Uint8Array {
  if (secret.length === bytes) return new Uint8Array(secret);
  const message = `secret file ${path} has ${secret.length} bytes, allowed: exactly ${bytes}; restore it or remove it to make a new one`;
  throw new NesonError("bad-secret", message, { fault: "operator", details: { path } });
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Makes a rename last through a power failure; Windows can neither do nor needs it. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
