import { Database } from "bun:sqlite";
import { existsSync, renameSync } from "node:fs";
import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { MIGRATIONS } from "./index-schema.ts";

const SCHEMA_VERSION = MIGRATIONS.length;

/** What opening the index needs. */
export interface IndexDeps {
  clock: Clock;
  log: Log;
}

/**
 * Opens the index, making it at first use. A damaged one is moved aside with a warning and an empty one takes its place:
 * the objects stay on disk and are taken back, after a check, when the Router orders them again.
 *
 * @throws NesonError `index-unusable` (operator) when it cannot be opened for another reason
 */
export function openIndex(path: string, { clock, log }: IndexDeps): Database {
  try {
    return openChecked(path);
  } catch (error) {
    if (!isDamage(error)) throw unusable(path, error);
    const aside = `${path}.damaged-${clock.nowMs()}`;
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    log.warn({ path, aside, err: error }, "the index is damaged: moved aside, starting with an empty one");
  }
  try {
    return openChecked(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

class Damage extends Error {}

function openChecked(path: string): Database {
  const database = new Database(path, { create: true, strict: true });
  try {
    // NORMAL in WAL mode: a power cut may lose the last rows but never tears the file, and a lost "whole" is found again at start.
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = NORMAL");
    const [state] = Object.values(database.query("PRAGMA quick_check(1)").get() ?? {});
    if (state !== "ok") throw new Damage(`quick_check says: ${String(state).slice(0, 200)}`);
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** All steps in one transaction: a crash on the way leaves the index as it was. */
function migrate(database: Database, path: string): void {
  const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number };
  if (version === SCHEMA_VERSION) return;
  if (version < 0 || version > SCHEMA_VERSION) {
    const message = `index ${path} has version ${version}, this program reads ${SCHEMA_VERSION}; use the newer program`;
    throw new NesonError("index-unusable", message, { fault: "operator" });
  }
  database.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) {
      for (const statement of step.split(";")) if (statement.trim() !== "") database.run(statement);
    }
    database.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  })();
}

function isDamage(error: unknown): boolean {
  if (error instanceof Damage) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB";
}

function unusable(path: string, cause: unknown): NesonError {
  if (cause instanceof NesonError) return cause;
  const message = `cannot open the index ${path}: ${describeError(cause)}`;
  return new NesonError("index-unusable", message, { fault: "operator", cause });
}
