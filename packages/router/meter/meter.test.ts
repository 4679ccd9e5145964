import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { deriveRouterTagKey, deriveTicketKey, sealTicket, siteIdOf, type Ticket } from "@neson/protocol/ticket";
import type { Db } from "../db/database.ts";
import { migrations } from "../db/migrations.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { siteSchema } from "../sites/site.ts";
import { createMeter } from "./meter.ts";

const MASTER = new Uint8Array(32).fill(7);
const TERMINAL = "ab".repeat(32);
const NOW_SECONDS = 1_800_000_000;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openMeter() {
  const directory = await mkdtemp(join(tmpdir(), "neson-meter-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const path = join(directory, "router.sqlite");
  const db = await openTestDatabase(path);
  cleanups.push(() => db.destroy());
  const clock = new FakeClock(NOW_SECONDS * 1000);
  return { path, db, clock, meter: meterOn(db, clock) };
}

function meterOn(db: Db, clock: FakeClock) {
  const site = siteSchema.parse({ name: "shop", hosts: ["shop.example"], origin: "http://o.example" });
  const sites = { byId: (id: string) => (id === siteIdOf("shop") ? site : undefined) };
  return createMeter({ masterKey: MASTER }, { db, sites, clock, onPaid: () => {} });
}

function seal(change: Partial<Ticket> = {}, masterKey = MASTER): string {
  const ticket: Ticket = {
    keyDay: 20_833,
    terminalId16: TERMINAL.slice(0, 32),
    objectId: "cd".repeat(32),
    headersId: "01".repeat(8),
    siteId: siteIdOf("shop"),
    firstByte: 0,
    lastByte: 999,
    maxBytes: 1100,
    expiresAt: NOW_SECONDS + 300,
    nonce: `${"0a".repeat(15)}00`,
    clientNetwork: "00".repeat(8),
    ...change,
  };
  return sealTicket(ticket, {
    routerTagKey: deriveRouterTagKey(masterKey),
    terminalKey: deriveTicketKey(masterKey, TERMINAL, ticket.keyDay),
    siteHost: "shop.example",
  });
}

test("claim() pays a nonce once, whatever is claimed again, and at most what its ticket allowed", async () => {
  const { meter } = await openMeter();
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 400 }]);
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 400 }]);
  const grown = await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 5_000_000 }]);
  expect(grown.accepted[0]?.addedBytes).toBe(700);
  expect(await meter.totals()).toEqual([{ terminalId: TERMINAL, site: "shop", paidBytes: 1100, paidTickets: 1 }]);
});

test("claim() pays all tickets of one answer together at most what one of them allowed", async () => {
  const { meter } = await openMeter();
  const mirrors = [0, 1, 2].map((index) => seal({ nonce: `${"0a".repeat(15)}0${index}` }));
  await meter.claim(
    TERMINAL,
    mirrors.map((ticket) => ({ ticket, bytes: 600 })),
  );
  expect((await meter.totals())[0]?.paidBytes).toBe(1100);
});

test("claim() refuses forged, foreign, altered and too old tickets with a reason, and pays nothing", async () => {
  const { meter, clock } = await openMeter();
  const forged = seal({}, new Uint8Array(32).fill(8));
  const altered = `${seal().slice(0, 60)}${seal().charAt(60) === "A" ? "B" : "A"}${seal().slice(61)}`;
  const foreign = seal({ terminalId16: "ef".repeat(16) });
  const old = seal({ expiresAt: NOW_SECONDS - 86_401 });
  const claims = [forged, altered, foreign, old].map((ticket) => ({ ticket, bytes: 10 }));
  const { accepted, refused } = await meter.claim(TERMINAL, claims);
  expect(accepted).toEqual([]);
  expect(refused.map(({ reason }) => reason.split(/[:;]/)[0])).toEqual([
    "ticket refused",
    "ticket refused",
    "foreign ticket",
    "too late",
  ]);
  expect(await meter.totals()).toEqual([]);
  clock.advance(1);
});

test("totals() and paid nonces survive reopening the database", async () => {
  const { meter, db, path, clock } = await openMeter();
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 1000 }]);
  await db.destroy();
  const reopened = await openTestDatabase(path);
  cleanups.push(() => reopened.destroy());
  const again = meterOn(reopened, clock);
  expect((await again.totals())[0]?.paidBytes).toBe(1000);
  const repeated = await again.claim(TERMINAL, [{ ticket: seal(), bytes: 1000 }]);
  expect(repeated.accepted[0]?.addedBytes).toBe(0);
});

test("earnings() has paid and refused bytes by UTC day, newest first, each byte once", async () => {
  const { meter, clock } = await openMeter();
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const first = day(clock.nowMs());
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 400 }]);
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 1500 }]);
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 1500 }]);
  await clock.advance(86_400_000);
  const mirror = seal({ nonce: `${"0a".repeat(15)}01`, expiresAt: NOW_SECONDS + 86_400 });
  await meter.claim(TERMINAL, [{ ticket: mirror, bytes: 50 }]);
  expect(await meter.earnings(TERMINAL)).toEqual({
    earnings: [
      { day: day(clock.nowMs()), paidBytes: 0, refusedBytes: 50 },
      { day: first, paidBytes: 1100, refusedBytes: 400 },
    ],
    refusals: [],
    totalPaidBytes: 1100,
  });
  expect(await meter.earnings("cd".repeat(32))).toEqual({ earnings: [], refusals: [], totalPaidBytes: 0 });
});

test("earnings() gives the reasons of refused claims with how often, and forgets days after two months", async () => {
  const { meter, clock } = await openMeter();
  const foreign = { ticket: seal({ terminalId16: "ef".repeat(16) }), bytes: 10 };
  await meter.claim(TERMINAL, [foreign, foreign, { ticket: "A".repeat(204), bytes: Number.MAX_SAFE_INTEGER }]);
  const { earnings, refusals } = await meter.earnings(TERMINAL);
  expect(earnings[0]?.refusedBytes).toBe(20 + 2 ** 41);
  expect(refusals.toSorted()).toEqual([
    "2027-01-15: foreign ticket: issued for another Terminal (2 times)",
    "2027-01-15: ticket refused: malformed; only tickets that this network's Routers issued are paid",
  ]);
  await clock.advance(62 * 86_400_000);
  await meter.claim(TERMINAL, []);
  expect(await meter.earnings(TERMINAL)).toMatchObject({ earnings: [], refusals: [] });
});

test("earnings() stays within what a message can carry, whatever is claimed", async () => {
  const { meter } = await openMeter();
  const absurd = Array.from({ length: 500 }, () => ({ ticket: "A".repeat(204), bytes: Number.MAX_SAFE_INTEGER }));
  for (let round = 0; round < 10; round += 1) await meter.claim(TERMINAL, absurd);
  const { earnings } = await meter.earnings(TERMINAL);
  expect(earnings[0]?.refusedBytes).toBe(Number.MAX_SAFE_INTEGER);
});

test("a database of the first version keeps what it paid, and counts nothing of it as newly claimed", async () => {
  const { meter, db } = await openMeter();
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 1000 }]);
  for (const table of ["terminal_days", "terminal_reasons", "terminal_tracks", "purged_objects"]) {
    await db.schema.dropTable(table).execute();
  }
  await db.schema.alterTable("ticket_claims").dropColumn("claimed_bytes").execute();
  await migrations["0002-standing-and-purges"]?.up(db);
  await meter.claim(TERMINAL, [{ ticket: seal(), bytes: 1050 }]);
  expect(await meter.earnings(TERMINAL)).toMatchObject({
    earnings: [{ paidBytes: 50, refusedBytes: 0 }],
    totalPaidBytes: 1050,
  });
});
