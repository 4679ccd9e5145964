import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ObjectHasher } from "@neson/protocol/object";
import { startCheckpoints } from "../db/checkpoints.ts";
import { openDatabase } from "../db/database.ts";
import { startOrigin } from "../edge/testbed.ts";
import { startPurgeTestbed } from "./testbed.ts";

const OBJECTS = 100_000;
const BATCH = 500;
// The goal is 5000 ms and 50 ms on a machine that does nothing else; tests run beside others.
const MAX_MS = 25_000;
const MAX_STALL_MS = 100;

/** As many entries, each with an object of its own and a tag, as a Router leaves them behind. */
async function fill(directory: string): Promise<void> {
  const db = await openDatabase(join(directory, "router.sqlite"));
  for (let first = 0; first < OBJECTS; first += BATCH) {
    const rows = Array.from({ length: BATCH }, (_, i) => rowsOf(directory, first + i));
    await db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("objects")
        .values(rows.map(({ object }) => object))
        .execute();
      await transaction
        .insertInto("entries")
        .values(rows.map(({ entry }) => entry))
        .execute();
      await transaction
        .insertInto("entry_tags")
        .values(rows.map(({ tag }) => tag))
        .execute();
    });
  }
  await db.destroy();
}

function rowsOf(directory: string, number: number) {
  const bytes = Buffer.from(`content ${number}`);
  const hasher = new ObjectHasher();
  hasher.update(bytes);
  const { objectId, size, pieceSize, sha256, pieces } = hasher.finish();
  const folder = join(directory, "shield", objectId.slice(0, 2));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, objectId), bytes);
  const key = `/img/${number}.png`;
  const name = { site: "test-site", key, variant: "" };
  const headers = JSON.stringify([
    ["Cache-Control", "max-age=60000"],
    ["Cache-Tag", "images"],
  ]);
  return {
    object: {
      object_id: objectId,
      size,
      piece_size: pieceSize,
      sha256,
      pieces,
      created_at: 1,
      last_used_at: 1,
    },
    entry: {
      ...name,
      vary: "[]",
      status: 200,
      headers,
      object_id: objectId,
      request_time_ms: 1,
      response_time_ms: 1,
      created_at: 1,
      stale_since: null,
    },
    tag: { site: "test-site", tag: "images", key, variant: "" },
  };
}

/** The longest that the event loop stood still, ms. */
function worstMs(histogram: { max: number }): number {
  return histogram.max / 1e6;
}

test(`${OBJECTS} objects are purged in less than ${MAX_MS} ms, and everything else goes on meanwhile`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "neson-purge-"));
  try {
    await fill(directory);
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "Cache-Control": "max-age=60000", "Content-Type": "video/mp4" }).end("hot");
    });
    await using net = await startPurgeTestbed({ origin: origin.port, directory });
    expect(net.bed.shield.objectCount).toBe(OBJECTS);
    await using _ = await startCheckpoints(net.bed.db, join(directory, "router.sqlite"));
    await net.bed.get("/hot");
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    // What this machine, with whatever else it is doing, does to a process that only waits.
    for (let i = 0; i < 100; i++) await net.bed.get("/hot");
    const ownStallMs = worstMs(delay);
    delay.reset();
    const beganMs = performance.now();
    const state = { isOver: false, answered: 0, slowestMs: 0 };
    const asking = (async () => {
      while (!state.isOver) {
        const askedMs = performance.now();
        const reply = await net.bed.get("/hot");
        expect(reply.headers["cache-status"]).toContain("hit");
        state.answered += 1;
        state.slowestMs = Math.max(state.slowestMs, performance.now() - askedMs);
      }
    })();
    const job = await net.purge({ by: "tag", value: "images" });
    const tookMs = performance.now() - beganMs;
    const stallMs = worstMs(delay);
    state.isOver = true;
    await asking;
    console.info({ tookMs, stallMs, ownStallMs, ...state });
    expect([job.found, job.entries, job.objects]).toEqual([OBJECTS, OBJECTS, OBJECTS]);
    expect(net.told.length).toBe(OBJECTS);
    expect(net.bed.shield.objectCount).toBe(1);
    expect(tookMs).toBeLessThan(MAX_MS);
    expect(stallMs).toBeLessThan(MAX_STALL_MS + ownStallMs);
    expect(state.answered).toBeGreaterThan(10);
    await net.settled(job);
    expect(await net.bed.catalog.stored()).toMatchObject({ entries: 1, objects: 1, shieldObjects: 1 });
    await net.bed.edge.pullsOver("test-site");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 120_000);
