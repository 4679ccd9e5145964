import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { lockDirectory } from "@neson/kit/files";
import type { Log } from "@neson/kit/log";
import { openCatalog } from "../catalog/catalog.ts";
import { openShield } from "../catalog/shield.ts";
import type { RouterConfig } from "../config.ts";
import { startCheckpoints } from "../db/checkpoints.ts";
import { openDatabase } from "../db/database.ts";
import { isPostgresUrl } from "../db/place.ts";
import { openSites } from "../sites/site-registry.ts";
import { openSliceStore } from "../slices/slice-store.ts";
import { DATABASE_FILE, RESTORE_MARK_FILE } from "./key-names.ts";
import { openNetworkKeys } from "./network-keys.ts";

/** Memory for entries that are found without the database. */
const CATALOG_MEMORY_BYTES = 192 * 1024 * 1024;

/** What a Router keeps on disk, opened. */
export type Storage = Awaited<ReturnType<typeof openStorage>>;
/** The network's keys. */
export type Keys = Storage["keys"];

/** Everything kept on disk; the lock comes first, so that no other process ever works beside this one. */
export async function openStorage(
  config: RouterConfig,
  { clock, log }: { clock: Clock; log: Log },
  parts: AsyncDisposableStack,
) {
  const { dataDir, shieldBytes, memoryBytes, sitesFile } = config;
  parts.use(lockDirectory(dataDir));
  refuseUnfinishedRestore(dataDir);
  const place = config.databaseUrl ?? join(dataDir, DATABASE_FILE);
  const db = await openDatabase(place, { clock, log });
  parts.defer(() => db.destroy());
  const keys = await openNetworkKeys(config.keysDir ?? dataDir, db);
  if (!isPostgresUrl(place)) parts.use(await startCheckpoints(db, place));
  // A quarter of the disk space is for files of which only parts were asked for.
  const sliceBytes = Math.floor(shieldBytes / 4);
  const maxBytes = shieldBytes - sliceBytes;
  const shield = await openShield({ directory: join(dataDir, "shield"), maxBytes, memoryBytes }, { log });
  const catalogOptions = { memoryBytes: CATALOG_MEMORY_BYTES };
  const catalog = parts.use(await openCatalog(catalogOptions, { db, shield, clock, log }));
  const sliceOptions = { directory: join(dataDir, "slices"), maxBytes: sliceBytes };
  const slices = parts.use(await openSliceStore(sliceOptions, { catalog, log }));
  const forgetStored = (siteName: string) => catalog.removeSite(siteName);
  const sites = await openSites({ db, clock, forgetStored }, sitesFile);
  return { keys, db, shield, catalog, slices, sites };
}

function refuseUnfinishedRestore(dataDir: string): void {
  if (!existsSync(join(dataDir, RESTORE_MARK_FILE))) return;
  const message = `starting in ${dataDir}: a restore was broken off there; run it again with --replace`;
  throw new NesonError("restore-unfinished", message, { fault: "operator" });
}
