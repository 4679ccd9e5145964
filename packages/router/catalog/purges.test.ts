import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { ObjectHasher } from "@neson/protocol/object";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { type Catalog, openCatalog } from "./catalog.ts";
import { Purges } from "./purges.ts";
import { openShield, type Shield } from "./shield.ts";

const GRACE_MS = 300_000;

interface Opened {
  catalog: Catalog;
  shield: Shield;
  purges: Purges;
  clock: FakeClock;
  /** What Terminals were told to delete. */
  told: string[];
  /** What some Terminal holds. */
  held: Set<string>;
  /** Steps, ten seconds apart, over that time. */
  pass: (ms: number) => Promise<void>;
  store: (text: string, key: string, site?: string) => Promise<string>;
}

async function inCatalog(run: (opened: Opened) => Promise<void>, batchSize = 500): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "neson-purges-"));
  const db = await openTestDatabase(":memory:");
  const clock = new FakeClock(1_800_000_000_000);
  const [told, held] = [[] as string[], new Set<string>()];
  try {
    const shield = await openShield({ directory, maxBytes: 1e9, memoryBytes: 1e6 }, { log: silentLog });
    const common = { db, shield, clock, log: silentLog };
    const catalog = await openCatalog({ memoryBytes: 1e6 }, common);
    const tellTerminals = (objectIds: readonly string[]) => {
      const toTell = objectIds.filter((objectId) => held.delete(objectId));
      told.push(...toTell);
      return toTell.length;
    };
    const purges = new Purges({ graceMs: GRACE_MS }, { ...common, catalog, tellTerminals, batchSize: () => batchSize });
    const store = async (text: string, key: string, site = "a") => {
      const hasher = new ObjectHasher();
      hasher.update(Buffer.from(text));
      const object = hasher.finish();
      const write = shield.begin();
      await write.append(Buffer.from(text));
      await write.finish(object);
      write.body.end();
      const times = { requestTimeMs: clock.nowMs(), responseTimeMs: clock.nowMs() };
      await catalog.put({ site, key, status: 200, headers: [], vary: [], variantKey: "", ...times }, object);
      held.add(object.objectId);
      return object.objectId;
    };
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 10_000) {
        await purges.step();
        await clock.advance(10_000);
      }
    };
    await run({ catalog, shield, purges, clock, told, held, pass, store });
  } finally {
    await db.destroy();
    await rm(directory, { recursive: true });
  }
}

test("step() purges what was replaced, from here and from Terminals, once tickets for it have expired", async () => {
  await inCatalog(async ({ shield, catalog, purges, told, pass, store }) => {
    const former = await store("one", "/x");
    const path = shield.open(former)?.path ?? "";
    const latter = await store("two", "/x");
    await pass(GRACE_MS);
    expect(told).toEqual([]);
    await pass(180_000);
    expect(told).toEqual([former]);
    expect([shield.open(former), await catalog.pieces(former), existsSync(path)]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    expect(shield.open(latter)?.size).toBe(3);
    expect(await purges.purgedAmong([former, latter])).toEqual([former]);
  });
});

test("step() keeps an object that another site publishes, and one that is published again in time", async () => {
  await inCatalog(async ({ catalog, told, pass, store }) => {
    await store("shared", "/x", "a");
    await store("shared", "/x", "b");
    await store("again", "/y", "a");
    await catalog.removeSite("a");
    await pass(GRACE_MS - 60_000);
    await store("again", "/y", "b");
    await pass(3 * GRACE_MS);
    expect(told).toEqual([]);
  });
});

test("step() purges a removed site in bounded batches", async () => {
  await inCatalog(async ({ catalog, told, purges, clock, store }) => {
    const stored = new Set<string>();
    for (let n = 0; n < 25; n += 1) stored.add(await store(`text ${n}`, `/${n}`));
    await catalog.removeSite("a");
    await purges.step();
    await clock.advance(GRACE_MS);
    const counts: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      await purges.step();
      counts.push(told.length);
    }
    expect(counts).toEqual([10, 20, 25, 25]);
    expect(new Set(told)).toEqual(stored);
  }, 10);
});

test("step() walks through more objects than one look takes", async () => {
  await inCatalog(async ({ catalog, told, pass, store }) => {
    for (let n = 0; n < 1050; n += 1) await store(`text ${n}`, `/${n}`);
    for (let n = 0; n < 1050; n += 50) await catalog.remove("a", `/${n}`);
    await pass(2 * GRACE_MS);
    expect(told.length).toBe(21);
  });
});

test("purgedAmong() no longer names what was published again", async () => {
  await inCatalog(async ({ purges, store }) => {
    const objectId = await store("one", "/x");
    await purges.removeObject(objectId);
    expect(await purges.purgedAmong([objectId])).toEqual([objectId]);
    await store("one", "/x");
    expect(await purges.purgedAmong([objectId])).toEqual([]);
  });
});

test("removeObject() takes all entries of the bytes with them, at once and everywhere", async () => {
  await inCatalog(async ({ catalog, shield, purges, told, store }) => {
    const objectId = await store("same", "/1");
    await store("same", "/2", "b");
    await store("other", "/3");
    expect(await purges.removeObject(objectId)).toEqual({ entries: 2, isKnown: true, terminals: 1 });
    expect(told).toEqual([objectId]);
    expect([await catalog.find("a", "/1", {}), await catalog.find("b", "/2", {})]).toEqual([undefined, undefined]);
    expect((await catalog.find("a", "/3", {}))?.key).toBe("/3");
    expect(shield.open(objectId)).toBeUndefined();
  });
});

test("removeObject() reaches Terminals even for an object that this Router does not know, and says when nobody does", async () => {
  await inCatalog(async ({ purges, told, held }) => {
    const objectId = "ab".repeat(32);
    expect(await purges.removeObject(objectId)).toEqual({ entries: 0, isKnown: false, terminals: 0 });
    expect(await purges.purgedAmong([objectId])).toEqual([]);
    held.add(objectId);
    expect(await purges.removeObject(objectId)).toEqual({ entries: 0, isKnown: false, terminals: 1 });
    expect(told).toEqual([objectId]);
    expect(await purges.purgedAmong([objectId])).toEqual([objectId]);
  });
});
