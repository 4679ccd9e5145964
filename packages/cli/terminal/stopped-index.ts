import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * Text of one of the settings that a Terminal keeps in its index; nothing is changed there. Undefined when there is none, or the index cannot be
 * read: a damaged one is the start's business.
 */
export function readKeptSetting(dataDir: string, name: string): string | undefined {
  return readIndex(dataDir, (index) => {
    const query = index.query<{ value: string }, [string]>("SELECT value FROM settings WHERE name = ?");
    return query.get(name)?.value;
  });
}

/** Claims that the Router has not acknowledged: they are handed in at the next start. 0 when the index cannot be read. */
export function countUnsettledClaims(dataDir: string): number {
  const count = readIndex(dataDir, (index) => {
    const sql = "SELECT count(*) AS count FROM claims WHERE bytes > settled_bytes";
    return index.query<{ count: number }, []>(sql).get()?.count;
  });
  return count ?? 0;
}

function readIndex<T>(dataDir: string, read: (index: Database) => T): T | undefined {
  const path = join(dataDir, "index.sqlite");
  if (!existsSync(path)) return undefined;
  try {
    using index = new Database(path, { readonly: true });
    return read(index);
  } catch {
    return undefined;
  }
}
