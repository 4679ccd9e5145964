import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import { lockDirectory, writeFileAtomic } from "@neson/kit/files";
import type { Log } from "@neson/kit/log";
import type { Kysely } from "kysely";
import { isUnavailable } from "../db/database-trouble.ts";
import { migrate, migrateTo } from "../db/migrate.ts";
import { migrations } from "../db/migrations.ts";
import type { Schema } from "../db/schema.ts";
import { DATABASE_FILE, RESTORE_MARK_FILE } from "../parts/key-names.ts";
import { type BackupHead, readBackup } from "./backup-file.ts";
import type { StatePlace } from "./create-backup.ts";
import { checkKeys, type KeyFiles, readKeys, stageKeys, unstageKeys } from "./key-files.ts";
import { postgresTarget, type RestoreTarget, sqliteTarget } from "./restore-target.ts";
import { TableWriter } from "./table-rows.ts";

/** What came of a restore. */
export interface RestoreSummary {
  createdAt: string;
  rows: number;
}

/**
 * Puts a backup in the place of a Router's state. The whole file is checked before anything is touched; database and secrets change together, and
 * a Router does not start on what a broken-off restore left.
 * @param isReplacing false: refuses when something is there
 * @throws NesonError (operator) `backup-unreadable`, `backup-damaged`, `backup-newer`, `target-not-empty`, `target-in-use`,
 *   `data-directory-in-use`, `database-newer`, `database-unavailable`, `restore-failed`
 */
export async function restoreBackup(
  place: StatePlace & { isReplacing: boolean },
  path: string,
  deps: { clock: Clock; log: Log },
): Promise<RestoreSummary> {
  const checked = await check(path);
  await using _lock = lockDirectory(place.dataDir);
  await refuseOtherKeys(place, checked.keys);
  const { dataDir, databaseUrl, isReplacing } = place;
  await using target =
    databaseUrl === undefined
      ? await sqliteTarget(join(dataDir, DATABASE_FILE), { isReplacing })
      : await postgresTarget(databaseUrl, { isReplacing }, deps);
  await put(place.dataDir, path, checked, target);
  return { createdAt: checked.head.createdAt, rows: checked.rows };
}

interface Checked {
  head: BackupHead;
  keys: KeyFiles;
  rows: number;
}

/** Reads all of it once. */
async function check(path: string): Promise<Checked> {
  const { head, items } = await readBackup(path);
  const unknown = head.migrations.filter((name) => migrations[name] === undefined);
  const keys = new Map<string, Uint8Array>();
  let rows = 0;
  for await (const item of items) {
    if (item.kind === "row") rows += 1;
    else if (item.kind === "key") keys.set(item.name, item.bytes);
  }
  checkKeys(keys, path);
  if (unknown.length === 0) return { head, keys, rows };
  const message = `restoring ${path}: its program (${head.program}) was newer: this one does not know ${unknown.join(", ")}. Restore it with that version or a later one.`;
  throw new NesonError("backup-newer", message, { fault: "operator" });
}

async function refuseOtherKeys({ dataDir, isReplacing }: { dataDir: string; isReplacing: boolean }, keys: KeyFiles) {
  if (isReplacing) return;
  for (const [name, bytes] of await readKeys(dataDir)) {
    if (Buffer.from(bytes).equals(keys.get(name) ?? new Uint8Array())) continue;
    const message = `restoring into ${dataDir}: it has another ${name}; allowed: an empty directory, or --replace to give up what is there`;
    throw new NesonError("target-not-empty", message, { fault: "operator" });
  }
}

async function put(dataDir: string, path: string, { head, keys }: Checked, target: RestoreTarget): Promise<void> {
  const mark = join(dataDir, RESTORE_MARK_FILE);
  let isMarked = false;
  try {
    const staged = await stageKeys(dataDir, keys);
    await target.fill(
      (db) => load(db, path, head),
      async () => {
        await writeFileAtomic(mark, `${path}\n`, 0o600);
        isMarked = true;
      },
    );
    await staged.place();
    await rm(mark, { force: true });
  } catch (error) {
    // Whoever lost the connection at the commit does not know what is there now: the mark stays, and no Router starts on it.
    const isUnsure = isMarked && (target.isFilled || isUnavailable(error));
    if (!isUnsure) await unstageKeys(dataDir);
    // One that an earlier restore left stays as well.
    if (!isUnsure && isMarked) await rm(mark, { force: true });
    if (error instanceof NesonError) throw error;
    const message = `restoring ${path} failed: ${describeError(error)}`;
    throw new NesonError("restore-failed", message, { fault: "operator", cause: error });
  }
}

/** Makes the tables as they were, fills them, and brings them up to date. */
async function load(db: Kysely<Schema>, path: string, expected: BackupHead): Promise<void> {
  const { head, items } = await readBackup(path);
  const last = head.migrations.toSorted().at(-1);
  if (last === undefined || head.createdAt !== expected.createdAt) throw new Error("the file was changed meanwhile");
  await migrateTo(db, last);
  const writer = new TableWriter(db);
  for await (const item of items) {
    if (item.kind === "table") await writer.begin(item.table, item.columns);
    else if (item.kind === "row") await writer.add(item.cells);
  }
  await writer.flush();
  await migrate(db);
}
