import { sql } from "kysely";
import type { Db } from "./database.ts";

/** How often changes are carried from the write-ahead log into the database file. */
const EVERY_MS = 100;
/** Pages of the database kept in memory, KiB: ids are hashes, so that neighbours in time lie on pages far apart. */
const CACHE_KIB = 65_536;
/** Should the thread be lost, the database does its own checkpoints once the log has so many pages. */
const LAST_RESORT_PAGES = 65_536;

// Text rather than a file of its own, so that one executable holds it.
const THREAD = `
  import { Database } from "bun:sqlite";
  let timer;
  onmessage = ({ data }) => {
    if (data === "stop") {
      clearInterval(timer);
      postMessage("stopped");
      return;
    }
    const file = new Database(data.path, { readwrite: true });
    timer = setInterval(() => file.run("PRAGMA wal_checkpoint(PASSIVE)"), data.everyMs);
  };
`;

/**
 * Carries what is written to an SQLite database into its file on a thread of its own until disposed of: a checkpoint waits for the disk, and with it would
 * everything else.
 */
export async function startCheckpoints(db: Db, path: string): Promise<AsyncDisposable> {
  await sql`pragma cache_size = ${sql.lit(-CACHE_KIB)}`.execute(db);
  await sql`pragma wal_autocheckpoint = ${sql.lit(LAST_RESORT_PAGES)}`.execute(db);
  const source = URL.createObjectURL(new Blob([THREAD], { type: "application/javascript" }));
  const thread = new Worker(source);
  thread.unref();
  thread.postMessage({ path, everyMs: EVERY_MS });
  return {
    [Symbol.asyncDispose]: async () => {
      const stopped = new Promise<void>((resolve) => {
        thread.onmessage = () => resolve();
        thread.onerror = () => resolve();
      });
      thread.postMessage("stop");
      await stopped;
      thread.terminate();
      URL.revokeObjectURL(source);
    },
  };
}
