import { afterAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { ObjectHasher } from "@neson/protocol/object";
import { deriveRouterTagKey, deriveTicketKey, sealTicket, siteIdOf } from "@neson/protocol/ticket";
import { openCatalog } from "@neson/router/catalog/catalog";
import { openShield } from "@neson/router/catalog/shield";
import { type Db, openDatabase } from "@neson/router/db/database";
import { createMeter } from "@neson/router/meter/meter";
import { siteSchema } from "@neson/router/sites/site";
import { readUsage } from "@neson/router/spend/usage-tables";
import { readFigures } from "@neson/router/traffic/figure-tables";
import { FigureWriter } from "@neson/router/traffic/figure-writer";
import { needs } from "../needs.ts";
import { startPostgres } from "../services/postgres.ts";
import { createDatabase } from "./databases.ts";

const MASTER = new Uint8Array(32).fill(7);
const TERMINAL = "ab".repeat(32);
const NOW_SECONDS = 1_800_000_000;
const cleanups: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function stage() {
  const server = await startPostgres();
  cleanups.push(async () => await server[Symbol.asyncDispose]());
  const url = await createDatabase(server);
  const open = async () => {
    const db = await openDatabase(url);
    cleanups.push(() => db.destroy());
    return db;
  };
  return { server, open };
}

/** Again and again until it works, as a Terminal does with a claim that nobody acknowledged. */
async function insist<T>(work: () => Promise<T>, seen: unknown[] = []): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      seen.push(error);
      if (Date.now() > deadline) throw error;
      await Bun.sleep(20);
    }
  }
}

function meterOn(db: Db) {
  const site = siteSchema.parse({ name: "shop", hosts: ["shop.example"], origin: "http://o.example" });
  const sites = { byId: () => site };
  return createMeter({ masterKey: MASTER }, { db, sites, clock: new FakeClock(NOW_SECONDS * 1000), onPaid: () => {} });
}

function seal(number: number): string {
  const keyDay = 20_833;
  const nonce = number.toString(16).padStart(30, "0");
  return sealTicket(
    {
      ...{ keyDay, terminalId16: TERMINAL.slice(0, 32), objectId: "cd".repeat(32), headersId: "01".repeat(8) },
      ...{ siteId: siteIdOf("shop"), firstByte: 0, lastByte: 999, maxBytes: 1100, expiresAt: NOW_SECONDS + 300 },
      ...{ nonce: `${nonce}00`, clientNetwork: "00".repeat(8) },
    },
    {
      routerTagKey: deriveRouterTagKey(MASTER),
      terminalKey: deriveTicketKey(MASTER, TERMINAL, keyDay),
      siteHost: "shop.example",
    },
  );
}

test.skipIf(!needs("postgres"))(
  "a database that is away is said to be so at once, and used again when it is back",
  async () => {
    const { server, open } = await stage();
    const db = await open();
    const ask = () => db.selectFrom("sites").selectAll().execute();
    await Promise.all(Array.from({ length: 20 }, ask));
    await server.stop();
    const startedMs = performance.now();
    const refused = await Promise.allSettled(Array.from({ length: 200 }, ask));
    expect(performance.now() - startedMs).toBeLessThan(3000);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: { code: "database-unavailable", fault: "operator", details: { retryAfterSeconds: 5 } },
      });
    }
    await server.start();
    expect(await insist(ask)).toEqual([]);
    const settled = await Promise.allSettled(Array.from({ length: 50 }, ask));
    expect(settled.filter(({ status }) => status === "rejected")).toEqual([]);
  },
  60_000,
);

test.skipIf(!needs("postgres"))(
  "claims made through two Routers while PostgreSQL is restarted again and again are paid once each",
  async () => {
    const { server, open } = await stage();
    const routers = [meterOn(await open()), meterOn(await open())];
    const failures: unknown[] = [];
    let isOver = false;
    const restarting = (async () => {
      for (let round = 0; round < 4; round++) {
        await Bun.sleep(150);
        await server.stop();
        await Bun.sleep(100);
        await server.start();
      }
      isOver = true;
    })();
    let claimed = 0;
    const workers = Array.from({ length: 8 }, async (_, worker) => {
      while (!isOver) {
        const number = claimed++;
        const claim = () =>
          routers[worker % 2]?.claim(TERMINAL, [{ ticket: seal(number), bytes: 1000 }]) ?? Promise.reject();
        await insist(claim, failures);
        // And once more at the other Router, as after a lost acknowledgement.
        if (number % 3 === 0) {
          await insist(
            async () => routers[(worker + 1) % 2]?.claim(TERMINAL, [{ ticket: seal(number), bytes: 1000 }]),
            failures,
          );
        }
      }
    });
    await Promise.all([restarting, ...workers]);
    const db = await open();
    const [total] = await meterOn(db).totals();
    expect({ claimed, ...total }).toEqual({
      ...{ claimed, terminalId: TERMINAL, site: "shop" },
      ...{ paidBytes: claimed * 1000, paidTickets: claimed },
    });
    expect(await readUsage(db, "shop", "2027-01")).toMatchObject({ terminalBytes: claimed * 1000 });
    expect((await meterOn(db).earnings(TERMINAL)).earnings).toEqual([
      { day: "2027-01-15", paidBytes: claimed * 1000, refusedBytes: 0 },
    ]);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter((error) => (error as { code?: string }).code !== "database-unavailable")).toEqual([]);
  },
  120_000,
);

test.skipIf(!needs("postgres"))(
  "requests counted by two Routers while PostgreSQL is restarted again and again are written once each",
  async () => {
    const { server, open } = await stage();
    const clock = new FakeClock(NOW_SECONDS * 1000);
    const opened = [await open(), await open()];
    const writers = opened.map((db) => new FigureWriter({ db, clock, log: silentLog, onWritten: async () => {} }));
    let isOver = false;
    const restarting = (async () => {
      for (let round = 0; round < 5; round++) {
        await Bun.sleep(100);
        await server.stop();
        await server.start();
      }
      isOver = true;
    })();
    let counted = 0;
    const writing = writers.map(async (writer) => {
      while (!isOver) {
        const tally = writer.tallies.of("shop");
        tally.total.requests += 1;
        tally.of("sender", "router").bytes += 10;
        counted += 1;
        await writer.write();
        await Bun.sleep(0);
      }
    });
    await Promise.all([restarting, ...writing]);
    for (const db of opened) await insist(() => db.selectFrom("sites").selectAll().execute());
    for (const writer of writers) await writer[Symbol.asyncDispose]();
    const db = await open();
    expect(await readUsage(db, "shop", "2027-01")).toMatchObject({
      ...{ requests: counted, routerBytes: counted * 10, terminalBytes: 0 },
    });
    const query = { site: "shop", step: "day", dimension: "total", from: 0, to: NOW_SECONDS + 1, limit: 10 } as const;
    const figures = await readFigures(db, query);
    expect(figures.map(({ requests }) => requests)).toEqual([counted]);
    expect(counted).toBeGreaterThan(50);
  },
  120_000,
);

test.skipIf(!needs("postgres"))(
  "Catalog forgets what was removed while the database was away before it reads anything again",
  async () => {
    const { server, open } = await stage();
    const db = await open();
    const directory = await mkdtemp(join(tmpdir(), "neson-outage-"));
    cleanups.push(() => rm(directory, { recursive: true }));
    const shield = await openShield({ directory, maxBytes: 1e6, memoryBytes: 0 }, { log: silentLog });
    const clock = new FakeClock(NOW_SECONDS * 1000);
    // Without memory, every look goes to the database.
    const catalog = await openCatalog({ memoryBytes: 0 }, { db, shield, clock, log: silentLog });
    const object = new ObjectHasher().finish();
    const draft = {
      ...{ site: "shop", status: 200, headers: [], vary: [], variantKey: "" },
      ...{ requestTimeMs: clock.nowMs(), responseTimeMs: clock.nowMs() },
    };
    for (const key of ["/a", "/b"]) await catalog.put({ ...draft, key }, object);
    await catalog.put({ ...draft, site: "other", key: "/a" }, object);
    await server.stop();
    await catalog.remove("shop", "/a");
    await catalog.removeSite("other");
    await expect(catalog.find("shop", "/a", {})).rejects.toMatchObject({ code: "database-unavailable" });
    await server.start();
    const found = (site: string, key: string) => insist(async () => (await catalog.find(site, key, {}))?.key);
    expect([await found("shop", "/a"), await found("shop", "/b"), await found("other", "/a")]).toEqual([
      ...[undefined, "/b", undefined],
    ]);
    const rows = await db.selectFrom("entries").select(["site", "key"]).execute();
    expect(rows).toEqual([{ site: "shop", key: "/b" }]);
  },
  60_000,
);
