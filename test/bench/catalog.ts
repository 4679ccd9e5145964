import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ObjectDescription, ObjectHasher } from "@neson/protocol/object";
import { openDatabase } from "../../packages/router/db/database.ts";
import { residentBytes } from "./memory.ts";
import { freePort } from "./processes.ts";
import { startService } from "./services.ts";

const OBJECTS = 1_000_000;
const ROWS_PER_STATEMENT = 500;
/** As many keys are asked for as fit into the memory of the catalog several times. */
const ASKED = 400_000;
const ASKERS = 64;
const SETTLE_MS = 5000;
const MIB = 1024 * 1024;
const HEADERS = [
  ["Content-Type", "text/plain"],
  ["Cache-Control", "public, max-age=86400"],
  ["ETag", '"one"'],
  ["Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT"],
  ["Date", new Date().toUTCString()],
];

/**
 * Resident memory of a Router that has a million objects in its catalog and shield store: after its start, and after it was asked for many of them.
 * @param directory an empty directory for all files of the run
 */
export async function benchCatalog(
  { directory, print }: { directory: string; print: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const data = join(directory, "router");
  await fill(data, signal);
  const sitesFile = join(directory, "sites.json");
  const site = { name: "bench", hosts: ["127.0.0.1"], origin: "http://127.0.0.1:1", allowPrivateOrigin: true };
  await writeFile(sitesFile, JSON.stringify({ sites: [site] }));
  const [port, controlPort] = [freePort(), freePort()];
  const flags = {
    ...{ "--data": data, "--sites": sitesFile, "--listen-port": port, "--control-port": controlPort },
    ...{ "--max-requests-per-second": 10_000_000, "--log-level": "warn" },
  };
  const startMs = performance.now();
  const answersAt = `http://127.0.0.1:${controlPort}/`;
  const { pid } = parts.use(await startService("router", flags, { answersAt, signal }));
  print(`a Router with ${OBJECTS} objects starts in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  await Bun.sleep(SETTLE_MS);
  print(`resident after the start: ${await mib(pid)} MiB`);
  await askFor(port, signal);
  print(`resident after ${ASKED} of them were asked for: ${await mib(pid)} MiB; must stay under 1024 MiB`);
}

async function mib(pid: number): Promise<string> {
  return ((await residentBytes(pid)) / MIB).toFixed(0);
}

/** Writes what a Router that has stored them would have on disk. */
async function fill(data: string, signal: AbortSignal): Promise<void> {
  const shield = join(data, "shield");
  for (let prefix = 0; prefix < 256; prefix++) {
    await mkdir(join(shield, prefix.toString(16).padStart(2, "0")), { recursive: true });
  }
  await using db = await openDatabase(join(data, "router.sqlite"));
  const nowMs = Date.now();
  const headers = JSON.stringify(HEADERS);
  for (let first = 0; first < OBJECTS; first += ROWS_PER_STATEMENT) {
    signal.throwIfAborted();
    const rows = Array.from({ length: ROWS_PER_STATEMENT }, (_none, i) => described(first + i));
    const objects = rows.map(({ objectId, size, pieceSize, sha256, pieces }) => ({
      ...{ object_id: objectId, size, piece_size: pieceSize, sha256, pieces },
      ...{ created_at: nowMs, last_used_at: nowMs, shielded: 1 },
    }));
    const entries = rows.map(({ objectId }, i) => ({
      ...{ site: "bench", key: keyOf(first + i), variant: "", vary: "[]", status: 200, headers, object_id: objectId },
      ...{ request_time_ms: nowMs, response_time_ms: nowMs, created_at: nowMs, stale_since: null },
    }));
    await db.transaction().execute(async (transaction) => {
      await transaction.insertInto("objects").values(objects).execute();
      await transaction.insertInto("entries").values(entries).execute();
    });
    await Promise.all(
      rows.map(({ objectId }, i) => writeFile(join(shield, objectId.slice(0, 2), objectId), bodyOfIndex(first + i))),
    );
  }
}

function bodyOfIndex(index: number): Uint8Array {
  return Buffer.from(`object ${index}`);
}

function described(index: number): ObjectDescription {
  const hasher = new ObjectHasher();
  hasher.update(bodyOfIndex(index));
  return hasher.finish();
}

function keyOf(index: number): string {
  return `/objects/${index}/of-an-ordinary-length.txt`;
}

async function askFor(port: number, signal: AbortSignal): Promise<void> {
  let next = 0;
  const ask = async () => {
    while (next < ASKED) {
      const index = next++;
      const response = await fetch(`http://127.0.0.1:${port}${keyOf(index)}`, { signal });
      if (response.status !== 200) throw new Error(`${keyOf(index)} is answered ${response.status}, not 200`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: ASKERS }, ask));
}
