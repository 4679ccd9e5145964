import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { readUsage } from "../spend/usage-tables.ts";
import { addFigures, forgetOldFigures, readFigures } from "./figure-tables.ts";
import { FigureWriter } from "./figure-writer.ts";

const START_SECONDS = Date.UTC(2026, 10, 22, 10, 30, 30) / 1000;
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openDb() {
  const directory = await mkdtemp(join(tmpdir(), "neson-figures-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const db = await openTestDatabase(join(directory, "router.sqlite"));
  cleanups.push(() => db.destroy());
  return db;
}

const ALWAYS = { from: 0, to: 1e10, limit: 100 };

test("addFigures() adds up within minute, hour and day", async () => {
  const db = await openDb();
  const counts = [{ dimension: "total" as const, value: "", requests: 1, bytes: 10 }];
  for (const offset of [0, 20, 40, 3600])
    await addFigures(db, { site: "s", counts, atSeconds: START_SECONDS + offset });
  const of = async (step: "minute" | "hour" | "day") =>
    (await readFigures(db, { site: "s", step, dimension: "total", ...ALWAYS })).map(({ requests }) => requests);
  expect(await of("minute")).toEqual([2, 1, 1]);
  expect(await of("hour")).toEqual([3, 1]);
  expect(await of("day")).toEqual([4]);
});

test("readFigures() gives one site, step, dimension and span, the end excluded, and no more than asked for", async () => {
  const db = await openDb();
  for (const status of ["200", "404"]) {
    const counts = [{ dimension: "status" as const, value: status, requests: 1, bytes: 0 }];
    for (const site of ["s", "t"]) await addFigures(db, { site, counts, atSeconds: 120 });
    await addFigures(db, { site: "s", counts, atSeconds: 180 });
  }
  const query = { site: "s", step: "minute", dimension: "status", from: 60, to: 180, limit: 10 } as const;
  expect(await readFigures(db, query)).toEqual([
    { startsAt: 120, value: "200", requests: 1, bytes: 0 },
    { startsAt: 120, value: "404", requests: 1, bytes: 0 },
  ]);
  expect((await readFigures(db, { ...query, to: 1000, limit: 3 })).length).toBe(3);
});

test("forgetOldFigures() keeps minutes for two days and days for years", async () => {
  const db = await openDb();
  const counts = [{ dimension: "total" as const, value: "", requests: 1, bytes: 0 }];
  await addFigures(db, { site: "s", counts, atSeconds: START_SECONDS });
  await forgetOldFigures(db, START_SECONDS + 3 * 86_400);
  const query = { site: "s", dimension: "total", ...ALWAYS } as const;
  expect((await readFigures(db, { ...query, step: "minute" })).length).toBe(0);
  expect((await readFigures(db, { ...query, step: "hour" })).length).toBe(1);
  expect((await readFigures(db, { ...query, step: "day" })).length).toBe(1);
});

test("FigureWriter charges what the Router sent, and shows what Terminals were paid for beside it", async () => {
  const db = await openDb();
  const clock = new FakeClock(START_SECONDS * 1000);
  const written: string[] = [];
  await using writer = new FigureWriter({
    ...{ db, clock, log: silentLog },
    onWritten: async (sites) => void written.push(...sites),
  });
  const tally = writer.tallies.of("s");
  tally.total.requests += 1;
  tally.total.bytes += 100;
  tally.of("sender", "router").bytes += 100;
  writer.notePaid("s", "ab", 50);
  await writer.write();
  expect(written).toEqual(["s"]);
  expect(await readUsage(db, "s", "2026-11")).toMatchObject({ requests: 1, routerBytes: 100, terminalBytes: 0 });
  const [total] = await readFigures(db, { site: "s", step: "day", dimension: "total", ...ALWAYS });
  expect(total).toMatchObject({ requests: 1, bytes: 150 });
  const [terminal] = await readFigures(db, { site: "s", step: "day", dimension: "terminal", ...ALWAYS });
  expect(terminal).toMatchObject({ value: "ab", bytes: 50 });
});

test("FigureWriter loses nothing while the database is away", async () => {
  const db = await openDb();
  const clock = new FakeClock(START_SECONDS * 1000);
  await using writer = new FigureWriter({ db, clock, log: silentLog, onWritten: async () => {} });
  const count = () => {
    const tally = writer.tallies.of("s");
    tally.total.requests += 1;
    tally.of("status", "200").requests += 1;
  };
  await db.schema.alterTable("site_usage").renameTo("elsewhere").execute();
  count();
  await writer.write();
  await db.schema.alterTable("elsewhere").renameTo("site_usage").execute();
  count();
  await writer.write();
  expect((await readUsage(db, "s", "2026-11")).requests).toBe(2);
  const [status] = await readFigures(db, { site: "s", step: "day", dimension: "status", ...ALWAYS });
  expect(status).toMatchObject({ value: "200", requests: 2 });
});
