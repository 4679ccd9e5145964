import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { systemClock } from "@neson/kit/clock";
import { readOptions } from "@neson/kit/config";
import { silentLog } from "@neson/kit/log";
import { type BackupItem, writeBackup } from "@neson/router/backup/backup-file";
import { createBackup } from "@neson/router/backup/create-backup";
import { restoreBackup } from "@neson/router/backup/restore-backup";
import { routerOptions } from "@neson/router/config";
import { type Db, openDatabase } from "@neson/router/db/database";
import { migrationsIn } from "@neson/router/db/migrate";
import { migrations } from "@neson/router/db/migrations";
import { startRouter } from "@neson/router/router";
import fc from "fast-check";
import { sql } from "kysely";
import { readAdminFile } from "../../packages/cli/admin-file.ts";
import { startOrigin } from "../e2e/origin.ts";
import { needs } from "../needs.ts";
import { newDatabase } from "./databases.ts";

const DEPS = { clock: systemClock, log: silentLog };
const TIMEOUT_MS = 60_000;
const KINDS = ["SQLite", "PostgreSQL"] as const;
type Kind = (typeof KINDS)[number];

/** A Router's data directory with keys, and a database of a kind. */
async function newPlace(kind: Kind, parts: AsyncDisposableStack, keys?: number) {
  const dataDir = await mkdtemp(join(tmpdir(), "neson-state-"));
  parts.defer(() => rm(dataDir, { recursive: true, force: true }));
  for (const name of keys === undefined ? [] : ["master.key", "identity.key"]) {
    await writeFile(join(dataDir, name), new Uint8Array(32).fill(keys ?? 0), { mode: 0o600 });
  }
  const databaseUrl = kind === "SQLite" ? undefined : await newDatabase();
  const open = async () => {
    const db = await openDatabase(databaseUrl ?? join(dataDir, "router.sqlite"));
    parts.defer(() => db.destroy());
    return db;
  };
  return { dataDir, databaseUrl, open, file: join(dataDir, "x.backup") };
}

/** Every row of every table, in an order that does not depend on the database. */
async function contentsOf(db: Db): Promise<Record<string, string[]>> {
  const contents: Record<string, string[]> = {};
  for (const { name } of await db.introspection.getTables()) {
    const rows = await db
      .selectFrom(name as "sites")
      .selectAll()
      .execute();
    contents[name] = rows.map((row) => JSON.stringify(Object.entries(row).toSorted(byName).map(plain))).toSorted();
  }
  return contents;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function plain([name, value]: [string, unknown]): unknown[] {
  return [name, value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value];
}

const text = fc.string({ unit: "binary", maxLength: 30 }).map((found) => found.replaceAll("\0", "0").toWellFormed());
const whole = fc.maxSafeNat();
const rowsArbitrary = fc.record({
  objects: fc.uniqueArray(fc.record({ id: text, pieces: fc.uint8Array({ maxLength: 100 }), size: whole }), {
    ...{ selector: ({ id }) => id, maxLength: 20 },
  }),
  entries: fc.uniqueArray(fc.record({ key: text, stale: fc.option(whole), tag: fc.option(text), headers: text }), {
    ...{ selector: ({ key }) => key, maxLength: 20 },
  }),
  scores: fc.uniqueArray(fc.record({ id: text, score: fc.double({ noNaN: true, noDefaultInfinity: true }) }), {
    ...{ selector: ({ id }) => id, maxLength: 20 },
  }),
  sites: fc.uniqueArray(text, { maxLength: 1200 }),
});

async function fill(db: Db, rows: typeof rowsArbitrary extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  for (const table of ["objects", "entries", "terminal_tracks", "sites"] as const) await db.deleteFrom(table).execute();
  const times = { created_at: 5, request_time_ms: 6, response_time_ms: 7 };
  for (const { id, pieces, size } of rows.objects) {
    const object = {
      object_id: id,
      pieces,
      size,
      piece_size: 1,
      sha256: "",
      created_at: 1,
      last_used_at: 2,
    };
    await db.insertInto("objects").values(object).execute();
  }
  for (const { key, stale, tag, headers } of rows.entries) {
    const entry = { site: "s", key, variant: "", vary: "[]", status: 200, headers, object_id: "o", ...times };
    await db
      .insertInto("entries")
      .values({ ...entry, stale_since: stale })
      .execute();
    if (tag !== null) await db.insertInto("entry_tags").values({ site: "s", tag, key, variant: "" }).execute();
  }
  for (const { id, score } of rows.scores) {
    // JSON has no -0.
    const track = { terminal_id: id, track: "corrupt", checks: 1, failures: 0, score: score + 0 } as const;
    await db.insertInto("terminal_tracks").values(track).execute();
  }
  const sites = rows.sites.map((name) => ({ name, settings: "{}", created_at: 1 }));
  for (let at = 0; at < sites.length; at += 500) {
    await db
      .insertInto("sites")
      .values(sites.slice(at, at + 500))
      .execute();
  }
}

for (const from of KINDS) {
  for (const to of KINDS) {
    test.skipIf((from !== "SQLite" || to !== "SQLite") && !needs("postgres"))(
      `whatever a Router's ${from} held is in ${to} after backup and restore`,
      async () => {
        await using parts = new AsyncDisposableStack();
        const source = await newPlace(from, parts, 7);
        const target = await newPlace(to, parts);
        const db = await source.open();
        await fc.assert(
          fc.asyncProperty(rowsArbitrary, async (rows) => {
            await fill(db, rows);
            await rm(source.file, { force: true });
            const summary = await createBackup(source, source.file, DEPS);
            const restored = await restoreBackup({ ...target, isReplacing: true }, source.file, DEPS);
            expect(restored.rows).toBe(summary.rows);
            const copy = await openDatabase(target.databaseUrl ?? join(target.dataDir, "router.sqlite"));
            try {
              expect(await contentsOf(copy)).toEqual(await contentsOf(db));
              expect(await migrationsIn(copy)).toEqual(Object.keys(migrations).toSorted());
            } finally {
              await copy.destroy();
            }
          }),
          { numRuns: 8 },
        );
        for (const name of ["master.key", "identity.key"]) {
          expect(new Uint8Array(await readFile(join(target.dataDir, name)))).toEqual(new Uint8Array(32).fill(7));
          expect((await stat(join(target.dataDir, name))).mode & 0o777).toBe(0o600);
        }
        expect((await stat(source.file)).mode & 0o777).toBe(0o600);
        expect((await readdir(target.dataDir)).filter((name) => /restor|partial/.test(name))).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }
}

for (const kind of KINDS) {
  const runs = kind === "SQLite" || needs("postgres");

  test.skipIf(!runs)(
    `a backup of a ${kind} that is written to all the while is of one moment`,
    async () => {
      await using parts = new AsyncDisposableStack();
      const source = await newPlace(kind, parts, 7);
      const db = await source.open();
      const usage = { month: "2027-01", requests: 1000, router_bytes: 0, terminal_bytes: 0 };
      const sites = Array.from({ length: 3000 }, (_, i) => ({ site: `s${String(i).padStart(4, "0")}`, ...usage }));
      for (let at = 0; at < sites.length; at += 500) {
        await db
          .insertInto("site_usage")
          .values(sites.slice(at, at + 500))
          .execute();
      }
      let isOver = false;
      let moves = 0;
      const moving = (async () => {
        for (; !isOver; moves++) {
          await db.transaction().execute(async (transaction) => {
            const change = async (site: string, by: number) =>
              transaction
                .updateTable("site_usage")
                .set((row) => ({ requests: row("requests", "+", by) }))
                .where("site", "=", site)
                .execute();
            // From the last rows to the first: whoever reads them at different times sees it twice or not at all.
            await change(`s${String(2999 - (moves % 100)).padStart(4, "0")}`, -1);
            await change(`s${String(moves % 100).padStart(4, "0")}`, 1);
          });
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const seen = new Set<string>();
      for (let round = 0; round < 5; round++) {
        const file = `${source.file}${round}`;
        const { sha256 } = await createBackup(source, file, DEPS);
        seen.add(sha256);
        const lines = gunzipSync(await readFile(file))
          .toString()
          .split("\n");
        const rows = lines.filter((line) => line.startsWith('["s')).map((line) => JSON.parse(line));
        expect([rows.length, rows.reduce((sum, row) => sum + row[2], 0)]).toEqual([3000, 3_000_000]);
      }
      isOver = true;
      await moving;
      expect(moves).toBeGreaterThan(5);
      expect(seen.size).toBe(5);
    },
    TIMEOUT_MS,
  );

  test.skipIf(!runs)(
    `restoreBackup() refuses what is not empty, and changes nothing of it when it fails half-way (${kind})`,
    async () => {
      await using parts = new AsyncDisposableStack();
      const source = await newPlace("SQLite", parts, 7);
      await (await source.open()).insertInto("sites").values({ name: "new", settings: "{}", created_at: 1 }).execute();
      await createBackup(source, source.file, DEPS);
      const target = await newPlace(kind, parts, 8);
      const opened = await openDatabase(target.databaseUrl ?? join(target.dataDir, "router.sqlite"));
      await opened.insertInto("sites").values({ name: "old", settings: "{}", created_at: 1 }).execute();
      await opened.destroy();
      const files = async () =>
        (await readdir(target.dataDir)).filter((name) => !/^lock|-wal$|-shm$/.test(name)).toSorted();
      const before = await files();
      const untouched = async () => {
        const db = await openDatabase(target.databaseUrl ?? join(target.dataDir, "router.sqlite"));
        expect((await db.selectFrom("sites").select("name").execute()).map(({ name }) => name)).toEqual(["old"]);
        await db.destroy();
        expect((await readFile(join(target.dataDir, "master.key")))[0]).toBe(8);
        expect(await files()).toEqual(before);
      };
      const refused = restoreBackup({ ...target, isReplacing: false }, source.file, DEPS);
      await expect(refused).rejects.toMatchObject({ code: "target-not-empty", fault: "operator" });
      await untouched();
      // The same keys, as on another machine of the network: then it is the database that is not empty.
      for (const name of ["master.key", "identity.key"])
        await writeFile(join(target.dataDir, name), new Uint8Array(32).fill(7));
      await expect(restoreBackup({ ...target, isReplacing: false }, source.file, DEPS)).rejects.toMatchObject({
        code: "target-not-empty",
        message: expect.stringContaining("sites"),
      });
      for (const name of ["master.key", "identity.key"])
        await writeFile(join(target.dataDir, name), new Uint8Array(32).fill(8));

      const broken = `${source.file}-broken`;
      await writeBackup(broken, HEAD, itemsWith({ kind: "table", table: "no_such_table", columns: ["x"] }));
      const failed = restoreBackup({ ...target, isReplacing: true }, broken, DEPS);
      await expect(failed).rejects.toMatchObject({ code: "restore-failed", fault: "operator" });
      await untouched();
      await restoreBackup({ ...target, isReplacing: true }, source.file, DEPS);
      const db = await openDatabase(target.databaseUrl ?? join(target.dataDir, "router.sqlite"));
      expect((await db.selectFrom("sites").select("name").execute()).map(({ name }) => name)).toEqual(["new"]);
      await db.destroy();
    },
    TIMEOUT_MS,
  );

  test.skipIf(!runs)(
    `a backup of a Router's first version is restored and brought up to date (${kind})`,
    async () => {
      await using parts = new AsyncDisposableStack();
      const target = await newPlace(kind, parts);
      const file = join(target.dataDir, "old.backup");
      const claim: BackupItem[] = [
        { kind: "table", table: "ticket_claims", columns: [...CLAIM_COLUMNS] },
        { kind: "row", cells: ["n1", "g", "t", "shop", "o", 500, 1_800_000_000] },
      ];
      await writeBackup(file, { ...HEAD, migrations: ["0001-catalog-sites-meter"] }, itemsWith(...claim));
      await restoreBackup({ ...target, isReplacing: false }, file, DEPS);
      const db = await target.open();
      expect(await db.selectFrom("ticket_claims").selectAll().execute()).toMatchObject([
        { nonce: "n1", paid_bytes: 500, claimed_bytes: 500 },
      ]);
      expect(await migrationsIn(db)).toEqual(Object.keys(migrations).toSorted());
    },
    TIMEOUT_MS,
  );
}

const CLAIM_COLUMNS = ["nonce", "ticket_group", "terminal_id", "site", "object_id", "paid_bytes", "expires_at"];
const HEAD = { createdAt: "2026-11-23T00:00:00.000Z", program: "0.1.0", migrations: Object.keys(migrations) };

async function* itemsWith(...items: BackupItem[]): AsyncGenerator<BackupItem> {
  for (const name of ["master.key", "identity.key"]) yield { kind: "key", name, bytes: new Uint8Array(32).fill(9) };
  yield* items;
}

function unpacksTo(bytes: Uint8Array, contents: Buffer): boolean {
  try {
    return gunzipSync(bytes).equals(contents);
  } catch {
    return false;
  }
}

test(
  "restoreBackup() refuses every backup that was cut short or altered, before it touches anything",
  async () => {
    await using parts = new AsyncDisposableStack();
    const source = await newPlace("SQLite", parts, 7);
    const db = await source.open();
    const sites = Array.from({ length: 300 }, (_, i) => ({ name: `site ${i * 7919}`, settings: "{}", created_at: i }));
    await db.insertInto("sites").values(sites).execute();
    await createBackup(source, source.file, DEPS);
    const whole = await readFile(source.file);
    const target = join(source.dataDir, "target");
    const file = `${source.file}-changed`;
    const refuses = async (bytes: Uint8Array) => {
      await writeFile(file, bytes);
      const place = { dataDir: target, databaseUrl: undefined, isReplacing: false };
      const error = await restoreBackup(place, file, DEPS).catch((caught) => caught);
      expect(["backup-damaged", "backup-unreadable"]).toContain(error.code);
      expect(error.fault).toBe("operator");
      expect(existsSync(target)).toBe(false);
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), (length) => refuses(whole.subarray(0, length))),
      { numRuns: 60 },
    );
    // The first ten bytes are gzip's own header, parts of which say nothing about the contents.
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 10, max: whole.length - 1 }), fc.nat(7), (at, bit) => {
        const changed = new Uint8Array(whole);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        // A few bits fill up the last byte of what is compressed and say nothing either.
        fc.pre(!unpacksTo(changed, gunzipSync(whole)));
        return refuses(changed);
      }),
      { numRuns: 100 },
    );
    // Whoever packs it anew gets past gzip's own sums.
    const lines = gunzipSync(whole).toString().split("\n");
    await refuses(gzipSync(lines.toSpliced(20, 1).join("\n")));
    await refuses(gzipSync(lines.join("\n").replace("site 7919", "site 7918")));
    await refuses(gzipSync(lines.slice(0, -2).join("\n")));
    await refuses(gzipSync(`${lines.join("\n")}[1]\n`));
    await refuses(gzipSync("x".repeat(1000)));
    await refuses(new Uint8Array(0));
  },
  TIMEOUT_MS,
);

test("restoreBackup() refuses what a newer program wrote, and says so", async () => {
  await using parts = new AsyncDisposableStack();
  const { dataDir } = await newPlace("SQLite", parts);
  const place = { dataDir: join(dataDir, "target"), databaseUrl: undefined, isReplacing: false };
  const file = join(dataDir, "newer");
  await writeBackup(file, { ...HEAD, program: "9.9.9", migrations: [...HEAD.migrations, "9999-later"] }, itemsWith());
  await expect(restoreBackup(place, file, DEPS)).rejects.toMatchObject({
    ...{ code: "backup-newer", fault: "operator", message: expect.stringContaining("9.9.9") },
  });
  const head = { format: "neson-router-backup", version: 2, ...HEAD };
  await writeFile(file, gzipSync(`${JSON.stringify(head)}\n`));
  await expect(restoreBackup(place, file, DEPS)).rejects.toMatchObject({ code: "backup-newer" });
  expect(existsSync(place.dataDir)).toBe(false);
});

test("createBackup() replaces no file, and says where no Router has run", async () => {
  await using parts = new AsyncDisposableStack();
  const source = await newPlace("SQLite", parts, 7);
  await source.open();
  await writeFile(source.file, "precious");
  await expect(createBackup(source, source.file, DEPS)).rejects.toMatchObject({ code: "backup-exists" });
  expect(await readFile(source.file, "utf8")).toBe("precious");
  const nowhere = join(source.dataDir, "no", "such", "place");
  await expect(createBackup(source, nowhere, DEPS)).rejects.toMatchObject({ code: "backup-unwritable" });
  const empty = join(source.dataDir, "empty");
  await mkdir(empty);
  const nothing = createBackup({ dataDir: empty, databaseUrl: undefined }, `${source.file}2`, DEPS);
  await expect(nothing).rejects.toMatchObject({ code: "nothing-to-back-up", fault: "operator" });
  expect(await readdir(empty)).toEqual([]);
});

test("createBackup() takes the keys from where they are", async () => {
  await using parts = new AsyncDisposableStack();
  const source = await newPlace("SQLite", parts, 7);
  await source.open();
  const keysDir = join(source.dataDir, "elsewhere");
  await mkdir(keysDir);
  const master = await readFile(join(source.dataDir, "master.key"));
  for (const name of ["master.key", "identity.key"]) await rename(join(source.dataDir, name), join(keysDir, name));
  await expect(createBackup(source, source.file, DEPS)).rejects.toMatchObject({ code: "nothing-to-back-up" });
  await createBackup({ ...source, keysDir }, source.file, DEPS);
  const target = join(source.dataDir, "restored");
  await restoreBackup({ dataDir: target, databaseUrl: undefined, isReplacing: false }, source.file, DEPS);
  expect(await readFile(join(target, "master.key"))).toEqual(master);
});

test("a Router does not start on what a restore left half done", async () => {
  await using parts = new AsyncDisposableStack();
  const { dataDir } = await newPlace("SQLite", parts, 7);
  await writeFile(join(dataDir, "restore-unfinished"), "");
  const config = readOptions(routerOptions, { flags: { data: dataDir, logLevel: "fatal" }, env: {} });
  await expect(startRouter(config)).rejects.toMatchObject({ code: "restore-unfinished", fault: "operator" });
});

test.skipIf(!needs("postgres"))(
  "a running Router is backed up from its PostgreSQL, and goes on elsewhere on SQLite with its sites, keys and pages",
  async () => {
    await using parts = new AsyncDisposableStack();
    const origin = parts.use(await startOrigin());
    const headers = ["Content-Type", "text/html", "Cache-Control", "max-age=3600"];
    origin.files.set("/page", { bytes: Buffer.from("page\n"), headers });
    const from = await newPlace("PostgreSQL", parts);
    const to = await newPlace("SQLite", parts);
    const start = async (dataDir: string, databaseUrl?: string) => {
      const flags = { data: dataDir, listenPort: "0", controlPort: "0", logLevel: "fatal" };
      const config = readOptions(routerOptions, { flags, env: { DATABASE_URL: databaseUrl } });
      const router = await startRouter(config);
      const admin = await readAdminFile(dataDir);
      const call = (method: string, path: string, key = admin.key, body?: unknown) => {
        const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
        return fetch(`${admin.url}/api/v1${path}`, { ...init, headers: { Authorization: `Bearer ${key}` } });
      };
      const { url } = router.ready as { url: string };
      const get = (path: string) => fetch(`${url}${path}`, { headers: { Host: "shop.test" } });
      return { router, call, get };
    };
    const first = await start(from.dataDir, from.databaseUrl);
    const site = { name: "shop", hosts: ["shop.test"], origin: origin.url, allowPrivateOrigin: true };
    expect((await first.call("PUT", "/sites/shop", undefined, site)).status).toBe(201);
    const made = await first.call("POST", "/keys", undefined, { name: "ci", scopes: ["sites:read"] });
    const { secret } = (await made.json()) as { secret: string };
    expect((await first.get("/page")).status).toBe(200);
    await createBackup(from, from.file, DEPS);
    const inUse = restoreBackup({ ...from, dataDir: to.dataDir, isReplacing: true }, from.file, DEPS);
    await expect(inUse).rejects.toMatchObject({ code: "target-in-use" });
    const locked = restoreBackup({ ...from, isReplacing: true }, from.file, DEPS);
    await expect(locked).rejects.toMatchObject({ code: "data-directory-in-use" });
    await first.router[Symbol.asyncDispose]();

    await restoreBackup({ ...to, isReplacing: false }, from.file, DEPS);
    const second = await start(to.dataDir);
    try {
      const sites = await second.call("GET", "/sites", secret);
      expect([sites.status, await sites.text()]).toEqual([200, expect.stringContaining("shop.test")]);
      expect(await (await second.get("/page")).text()).toBe("page\n");
    } finally {
      await second.router[Symbol.asyncDispose]();
    }
    const db = await openDatabase(join(to.dataDir, "router.sqlite"));
    parts.defer(() => db.destroy());
    expect((await sql<{ key: string }>`select key from entries`.execute(db)).rows).toEqual([{ key: "/page" }]);
  },
  TIMEOUT_MS,
);

test(
  "the commands back up, refuse in one line, and restore",
  async () => {
    await using parts = new AsyncDisposableStack();
    const source = await newPlace("SQLite", parts, 7);
    await (await source.open()).insertInto("sites").values({ name: "a", settings: "{}", created_at: 1 }).execute();
    const target = join(source.dataDir, "target");
    const neson = (...args: string[]) => {
      const command = [process.execPath, join(import.meta.dir, "../../packages/cli/main.ts"), "router", ...args];
      const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env: { PATH: process.env.PATH } });
      return { exitCode, out: stdout.toString(), err: stderr.toString() };
    };
    expect(neson("backup", source.file, "--data", source.dataDir)).toMatchObject({
      ...{ exitCode: 0, out: expect.stringMatching(/1 rows, \d+ bytes, contents sha256 [0-9a-f]{64}/), err: "" },
    });
    expect(neson("backup", source.file, "--data", source.dataDir)).toMatchObject({
      ...{ exitCode: 2, out: "", err: expect.stringMatching(/^neson: .*there is such a file already.*\n$/) },
    });
    expect(neson("restore", source.file, "--data", target)).toMatchObject({
      ...{ exitCode: 0, out: expect.stringMatching(/^restored 1 rows as they were on 20/), err: "" },
    });
    expect(neson("restore", source.file, "--data", target)).toMatchObject({
      ...{ exitCode: 2, err: expect.stringMatching(/^neson: .*--replace.*\n$/) },
    });
    expect(neson("restore", source.file, "--data", target, "--replace").exitCode).toBe(0);
  },
  TIMEOUT_MS,
);
