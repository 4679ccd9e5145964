import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import { manifestSchema } from "@neson/protocol/manifest";
import { ObjectHasher } from "@neson/protocol/object";
import type { Db } from "../db/database.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { type Catalog, openCatalog } from "./catalog.ts";
import { type EntryDraft, steeredHeadersOf } from "./entry.ts";
import { openShield, type Shield } from "./shield.ts";

interface Opened {
  catalog: Catalog;
  shield: Shield;
  db: Db;
  store(text: string, draft?: Partial<EntryDraft>): ReturnType<Catalog["put"]>;
}

async function inCatalog(memoryBytes: number, run: (opened: Opened) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "neson-catalog-"));
  const db = await openTestDatabase(":memory:");
  try {
    const shield = await openShield({ directory, maxBytes: 1000, memoryBytes: 1e6 }, { log: silentLog });
    const deps = { db, shield, clock: systemClock, log: silentLog };
    const catalog = await openCatalog({ memoryBytes }, deps);
    const store = async (text: string, draft: Partial<EntryDraft> = {}) => {
      const hasher = new ObjectHasher();
      hasher.update(Buffer.from(text));
      const object = hasher.finish();
      const write = shield.begin();
      await write.append(Buffer.from(text));
      await write.finish(object);
      write.body.end();
      return catalog.put({ ...DRAFT, ...draft }, object);
    };
    await run({ catalog, shield, db, store });
  } finally {
    await db.destroy();
    await rm(directory, { recursive: true });
  }
}

const DRAFT: EntryDraft = {
  ...{ site: "a", key: "/x", status: 200, vary: [], variantKey: "" },
  headers: ["Date", "Sun, 22 Nov 2026 12:00:00 GMT", "Cache-Control", "max-age=600", "X-Twice", "1", "X-Twice", "2"],
  ...{ requestTimeMs: 1_795_348_800_000, responseTimeMs: 1_795_348_800_010 },
};

test("Catalog finds at once what is in memory, and the same in the database", async () => {
  for (const memoryBytes of [1e6, 0]) {
    await inCatalog(memoryBytes, async ({ catalog, store }) => {
      expect(await catalog.find("a", "/x", {})).toBeUndefined();
      const entry = await store("hello");
      const found = catalog.find("a", "/x", {});
      expect(found instanceof Promise).toBe(memoryBytes === 0);
      expect(await found).toEqual(entry);
      expect(await catalog.find("b", "/x", {})).toBeUndefined();
      expect(entry.headers).toEqual(DRAFT.headers);
      const replaced = await store("changed");
      expect((await catalog.find("a", "/x", {}))?.object.objectId).toBe(replaced.object.objectId);
    });
  }
});

test("Catalog selects variants as the origin was asked, and keeps the newest 64", async () => {
  await inCatalog(1e6, async ({ catalog, store }) => {
    const variant = (language: string, i: number) => ({
      vary: [["accept-encoding", "identity"] as [string, string], ["accept-language", language] as [string, string]],
      variantKey: language,
      responseTimeMs: DRAFT.responseTimeMs + i,
    });
    for (let i = 0; i < 70; i++) await store(`text ${i}`, variant(`l${i}`, i));
    const headers = { "accept-language": "l69", "accept-encoding": "gzip" };
    expect((await catalog.find("a", "/x", headers))?.vary[1]).toEqual(["accept-language", "l69"]);
    expect(await catalog.find("a", "/x", { "accept-language": "none" })).toBeUndefined();
    expect((await catalog.stored()).entries).toBe(64);
  });
});

test("Catalog gives a manifest for each header set of an object, and none for others", async () => {
  await inCatalog(1e6, async ({ catalog, store }) => {
    const first = await store("same bytes", { key: "/1", headers: [...DRAFT.headers, "Content-Type", "text/plain"] });
    const second = await store("same bytes", { key: "/2", headers: [...DRAFT.headers, "Content-Type", "video/mp4"] });
    expect(second.object).toEqual(first.object);
    expect(second.headersId).not.toBe(first.headersId);
    for (const entry of [first, second]) {
      const manifest = await catalog.manifestFor(entry.object.objectId, entry.headersId);
      expect(manifestSchema.parse(manifest)).toMatchObject({ site: "a", size: 10, headers: steeredHeadersOf(entry) });
    }
    expect(await catalog.manifestFor(first.object.objectId, "0".repeat(16))).toBeUndefined();
    const { objectId } = first.object;
    expect(await catalog.headersIdsOf(objectId)).toEqual(new Set([first.headersId, second.headersId]));
    expect(await catalog.pieces(objectId)).toHaveLength(32);
    expect(await catalog.pieces("0".repeat(64))).toBeUndefined();
  });
});

test("Catalog forgets a key, and a whole site, but not another's", async () => {
  await inCatalog(1e6, async ({ catalog, store }) => {
    await store("1", { key: "/1" });
    await store("2", { key: "/2" });
    await store("3", { key: "/1", site: "ab" });
    await catalog.remove("a", "/1");
    expect([await catalog.find("a", "/1", {}), (await catalog.find("a", "/2", {}))?.key]).toEqual([undefined, "/2"]);
    await catalog.removeSite("a");
    expect(await catalog.find("a", "/2", {})).toBeUndefined();
    expect((await catalog.find("ab", "/1", {}))?.site).toBe("ab");
  });
});

test("Catalog does not keep a read that a write overtook", async () => {
  await inCatalog(1e6, async ({ catalog, store }) => {
    const reading = catalog.find("a", "/x", {});
    const [entry] = await Promise.all([store("hello"), reading]);
    expect(await catalog.find("a", "/x", {})).toEqual(entry);
  });
});

test("Catalog keeps an entry whose bytes the shield let go", async () => {
  await inCatalog(1e6, async ({ catalog, store }) => {
    const old = await store("a".repeat(600), { key: "/old" });
    await store("b".repeat(600), { key: "/new" });
    // Terminals may hold it still.
    expect((await catalog.find("a", "/old", {}))?.object).toEqual(old.object);
  });
});

test("Catalog tells what is different in the database, and takes up what another Router changed there", async () => {
  await inCatalog(1e6, async ({ catalog, db, store }) => {
    const changes: unknown[] = [];
    catalog.onChanged = (change) => changes.push(change);
    await store("1", { key: "/1" });
    await catalog.remove("a", "/1");
    await catalog.removeSite("a");
    expect(changes).toEqual([
      { site: "a", key: "/1", isRemoved: false },
      { site: "a", key: "/1", isRemoved: true },
      { site: "a", isRemoved: true },
    ]);
    await store("2", { key: "/2" });
    expect(await catalog.find("a", "/2", {})).toBeDefined();
    await db.deleteFrom("entries").execute();
    expect(await catalog.find("a", "/2", {})).toBeDefined();
    const removed: unknown[] = [];
    catalog.onRemoved = (site, key) => removed.push([site, key]);
    catalog.acceptChange({ site: "a", key: "/2", isRemoved: true });
    expect([await catalog.find("a", "/2", {}), removed]).toEqual([undefined, [["a", "/2"]]]);
    await store("3", { key: "/3" });
    expect(await catalog.find("a", "/3", {})).toBeDefined();
    await db.deleteFrom("entries").execute();
    catalog.forgetAll();
    expect(await catalog.find("a", "/3", {})).toBeUndefined();
  });
});

test("Catalog reads a key again when its row was replaced elsewhere", async () => {
  await inCatalog(1e6, async ({ catalog, db, store }) => {
    const former = await store("one");
    await catalog.find("a", "/x", {});
    await db.deleteFrom("entries").execute();
    await catalog.update(former, { ...former, headers: [...former.headers, "X-New", "1"] });
    expect(await catalog.find("a", "/x", {})).toBeUndefined();
  });
});

test("Catalog updates an entry unless it was replaced meanwhile", async () => {
  await inCatalog(1e6, async ({ catalog, store }) => {
    const former = await store("one");
    const changed = { ...former, headers: [...former.headers, "X-New", "1"] };
    expect((await catalog.update(former, changed)).headers).toContain("X-New");
    expect((await catalog.find("a", "/x", {}))?.headers).toContain("X-New");
    await store("two");
    await catalog.update(former, changed);
    expect((await catalog.find("a", "/x", {}))?.headers).not.toContain("X-New");
    await catalog.remove("a", "/x");
    await catalog.update(former, changed);
    expect(await catalog.find("a", "/x", {})).toBeUndefined();
  });
});
