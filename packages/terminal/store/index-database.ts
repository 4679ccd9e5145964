import { Database } from "bun:sqlite";
import { existsSync, renameSync } from "node:fs";
import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";

const SCHEMA_VERSION = 1;

// An object's row says "whole" only after its bytes were flushed and renamed into place; before that it says that room is taken.
const SCHEMA = `
CREATE TABLE objects (
  object_id TEXT PRIMARY KEY, size INTEGER NOT NULL, piece_size INTEGER NOT NULL, sha256 TEXT NOT NULL,
  pieces BLOB NOT NULL, is_whole INTEGER NOT NULL, request_count INTEGER NOT NULL, last_used_at_ms INTEGER NOT NULL
);
CREATE TABLE header_sets (
  object_id TEXT NOT NULL, headers_id TEXT NOT NULL, site TEXT NOT NULL, headers TEXT NOT NULL,
  PRIMARY KEY (object_id, headers_id)
);
CREATE TABLE claims (
  nonce TEXT PRIMARY KEY, ticket TEXT NOT NULL, max_bytes INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL, settled_bytes INTEGER NOT NULL
);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = ${SCHEMA_VERSION};
`;

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

function migrate(database: Database, path: string): void {
  const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number };
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    const message = `index ${path} has version ${version}, this program reads ${SCHEMA_VERSION}; use the newer program`;
    throw new NesonError("index-unusable", message, { fault: "operator" });
  }
  database.transaction(() => {
    for (const statement of SCHEMA.split(";")) if (statement.trim() !== "") database.run(statement);
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
