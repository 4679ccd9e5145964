import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { ObjectHasher } from "@neson/protocol/object";
import fc from "fast-check";
import { Catalog } from "../catalog/catalog.ts";
import type { EntryDraft } from "../catalog/entry.ts";
import { Shield } from "../catalog/shield.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { isAimedAt, type PurgeOrder, tagsOf } from "./order.ts";
import { PurgeRows } from "./purge-rows.ts";
import { PurgeTables } from "./purge-tables.ts";
import { Purger } from "./purger.ts";

const PATHS = [
  "/",
  "/a",
  "/a/",
  "/a/b",
  "/a/../b",
  "/a/%2e%2e/b",
  "/a/%2E%2E/b",
  "/A",
  "/ab",
  "/a%2Fb",
  "/a@",
  "/a/b/c",
];
const QUERIES = ["", "?", "?x=1", "?X=1"];
const TAGS = ["red", "Red", "re", "red-blue", "blue", "%2e"];

const keys = fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom(...QUERIES)).map(([path, query]) => path + query);
const tagFields = fc.tuple(fc.subarray(TAGS), fc.constantFrom("Cache-Tag", "surrogate-key")).map(([tags, name]) => {
  if (tags.length === 0) return [];
  return [name, tags.join(name === "Cache-Tag" ? ", " : " ")];
});
const things = fc.record({
  site: fc.constantFrom("shop", "shop-2"),
  key: keys,
  variant: fc.constantFrom("", "v=1", "v=2", "v=3"),
  fields: tagFields,
  isLater: fc.boolean(),
});
const orders: fc.Arbitrary<PurgeOrder> = fc
  .oneof(
    fc.record({ by: fc.constant("url" as const), value: keys }),
    fc.record({ by: fc.constant("path" as const), value: fc.constantFrom(...PATHS) }),
    fc.record({
      by: fc.constant("prefix" as const),
      value: fc.oneof(keys, fc.constantFrom("/a%", "/a?", "/a/%2", "/A")),
    }),
    fc.record({ by: fc.constant("tag" as const), value: fc.constantFrom(...TAGS) }),
    fc.record({ by: fc.constant("site" as const), value: fc.constant("") }),
  )
  .chain((aim) => fc.constantFrom("hard" as const, "soft" as const).map((mode) => ({ ...aim, mode, site: "shop" })));

test("a purge takes out, or makes stale, exactly the variants it is aimed at, in the catalog and in memory alike", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(things, {
        selector: ({ site, key, variant }) => `${site} ${key} ${variant}`,
        minLength: 20,
        maxLength: 60,
      }),
      orders,
      async (stored, order) => {
        await using opened = await openCatalog();
        const { clock, catalog, purger } = opened;
        const atMs = clock.nowMs();
        for (const thing of stored) await catalog.put(draftOf(thing, atMs), objectOf(JSON.stringify(thing)));
        const before = (key: string, variant: string) => catalog.find(order.site, key, { v: variant.slice(2) });
        for (const { key } of stored) await before(key, "");
        const job = await purger.purge(order);
        const expected = stored.filter(
          (thing) => !thing.isLater && isAimedAt(order, { ...thing, headers: thing.fields }),
        );
        // In effect at once, before any row is gone.
        for (const thing of stored.filter(({ site }) => site === order.site)) {
          expect(await stateOf(catalog, thing)).toBe(expected.includes(thing) ? order.mode : "untouched");
        }
        let now = job;
        while (now.settledAtMs === undefined) {
          await new Promise((resolve) => setImmediate(resolve));
          now = (await purger.find("shop", job.id)) ?? now;
        }
        expect(now.entries).toBe(expected.length);
        for (const thing of stored) {
          expect(await stateOf(catalog, thing)).toBe(expected.includes(thing) ? order.mode : "untouched");
        }
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

interface Thing {
  site: string;
  key: string;
  variant: string;
  fields: string[];
  isLater: boolean;
}

async function stateOf(catalog: Catalog, { site, key, variant }: Thing): Promise<"hard" | "soft" | "untouched"> {
  const headers = variant === "" ? {} : { v: variant.slice(2) };
  const found = await catalog.find(site, key, headers);
  const isIt = found !== undefined && (found.vary[0]?.[1] ?? "") === variant.slice(2);
  if (!isIt) return "hard";
  return found.facts.staleSinceMs === undefined ? "untouched" : "soft";
}

function draftOf({ site, key, variant, fields, isLater }: Thing, atMs: number): EntryDraft {
  const requestTimeMs = isLater ? atMs + 1 : atMs;
  const vary: EntryDraft["vary"] = [["v", variant === "" ? null : variant.slice(2)]];
  const headers = ["Cache-Control", "max-age=1000", ...fields];
  return { site, key, status: 200, headers, requestTimeMs, responseTimeMs: requestTimeMs, vary, variantKey: variant };
}

function objectOf(text: string) {
  const hasher = new ObjectHasher();
  hasher.update(Buffer.from(text));
  return hasher.finish();
}

async function openCatalog() {
  const db = await openTestDatabase(":memory:");
  const clock = new FakeClock(1_800_000_000_000);
  const shield = new Shield({ directory: "/nowhere", maxBytes: 1e9, memoryBytes: 0 }, { log: silentLog });
  const catalog = new Catalog({ memoryBytes: 1e6 }, { db, shield, clock, log: silentLog });
  const purger = new Purger({
    ...{ tables: new PurgeTables(db), rows: new PurgeRows(db), marks: catalog.marks, clock, log: silentLog },
    forgetMemory: (site, key) => catalog.forgetMemory(site, key),
    tellTerminals: async () => ({ told: [], unconfirmed: [], absent: [] }),
    pullsOver: async () => {},
    removeParts: () => {},
    removeBytes: () => {},
    publish: () => {},
    publishGone: () => {},
  });
  return { catalog, clock, purger, [Symbol.asyncDispose]: () => db.destroy() };
}

test("tagsOf() gives back what an origin listed, in either field", () => {
  const tag = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_:.%/"), minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.uniqueArray(tag, { maxLength: 60 }),
      fc.constantFrom(", ", ",", " ,\t"),
      fc.constantFrom(" ", "  ", "\t"),
      (tags, comma, gap) => {
        expect(tagsOf(["Cache-Tag", tags.join(comma)])).toEqual(tags);
        expect(tagsOf(["SURROGATE-KEY", tags.join(gap)])).toEqual(tags);
      },
    ),
  );
});
