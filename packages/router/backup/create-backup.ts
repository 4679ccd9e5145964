import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Kysely } from "kysely";
import { openUnmigrated } from "../db/database.ts";
import { migrationsIn, refuseNewer } from "../db/migrate.ts";
import { isPostgresUrl } from "../db/place.ts";
import type { Schema } from "../db/schema.ts";
import packageJson from "../package.json";
import { DATABASE_FILE } from "../parts/key-names.ts";
import { type BackupItem, writeBackup } from "./backup-file.ts";
import { isThere, KEY_NAMES, type KeyFiles, readKeys } from "./key-files.ts";
import { tablesOfProgram } from "./program-tables.ts";
import { readTable, tableNames } from "./table-rows.ts";

/** Where a Router's state lies. */
export interface StatePlace {
  dataDir: string;
  /** Undefined for the SQLite file in the data directory. */
  databaseUrl: string | undefined;
}

/** What came of a backup. */
export interface BackupSummary {
  rows: number;
  /** Of the file. */
  bytes: number;
  /** Of what it holds. */
  sha256: string;
}

/**
 * Writes everything that a Router must not lose into one file: database and secrets. The Router may be running: the database is read in one
 * transaction and is as it was at one moment.
 * @throws NesonError (operator) `nothing-to-back-up`, `database-unavailable`, `database-newer`, `backup-exists`, `backup-unwritable`
 */
export async function createBackup(
  { dataDir, databaseUrl, keysDir = dataDir }: StatePlace & { keysDir?: string | undefined },
  path: string,
  deps: { clock: Clock; log: Log },
): Promise<BackupSummary> {
  const place = databaseUrl ?? join(dataDir, DATABASE_FILE);
  const keys = await readKeys(keysDir);
  if (keys.size < KEY_NAMES.length || (!isPostgresUrl(place) && !(await isThere(place)))) {
    const message = `backing up ${dataDir} with the keys in ${keysDir}: no Router has run there; allowed: the directories of one, with --data and --keys`;
    throw new NesonError("nothing-to-back-up", message, { fault: "operator" });
  }
  const db = await openUnmigrated(place, deps);
  try {
    await refuseNewer(db);
    const transaction = isPostgresUrl(place)
      ? db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only")
      : db.transaction();
    return await transaction.execute(async (snapshot) => {
      const migrations = await migrationsIn(snapshot);
      const createdAt = new Date(deps.clock.nowMs()).toISOString();
      return writeBackup(path, { createdAt, program: packageJson.version, migrations }, itemsOf(snapshot, keys));
    });
  } finally {
    await db.destroy();
  }
}

async function* itemsOf(snapshot: Kysely<Schema>, keys: KeyFiles): AsyncGenerator<BackupItem> {
  for (const [name, bytes] of keys) yield { kind: "key", name, bytes };
  const known = new Set(await tablesOfProgram());
  for (const table of await tableNames(snapshot)) if (known.has(table)) yield* readTable(snapshot, table);
}
