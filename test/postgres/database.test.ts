import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@neson/router/db/database";
import { migrationsIn } from "@neson/router/db/migrate";
import { migrations } from "@neson/router/db/migrations";
import { type Kysely, sql } from "kysely";
import { withDatabases, withPostgres } from "./databases.ts";

const ENTRY = {
  ...{ variant: "", vary: "[]", status: 200, headers: "[]", object_id: "a", stale_since: null },
  ...{ request_time_ms: 1_795_348_800_000, response_time_ms: 1_795_348_800_000, created_at: 1_795_348_800_000 },
};

withDatabases("openDatabase() makes every table, and opens what it made", async ({ open }) => {
  const first = await open();
  expect(await migrationsIn(first)).toEqual(Object.keys(migrations).toSorted());
  await first.insertInto("sites").values({ name: "a", settings: "{}", created_at: 1 }).execute();
  const second = await open();
  expect(await second.selectFrom("sites").selectAll().execute()).toEqual([
    { name: "a", settings: "{}", created_at: 1 },
  ]);
});

withDatabases("bytes, large integers, fractions and nulls come back as they went in", async ({ open }) => {
  const db = await open();
  const pieces = Uint8Array.from({ length: 256 }, (_, i) => i);
  const row = { object_id: "a", size: 2 ** 52 + 1, piece_size: 1, sha256: "é\u{1F600}", pieces, created_at: 0 };
  await db
    .insertInto("objects")
    .values({ ...row, last_used_at: 1 })
    .execute();
  const read = await db.selectFrom("objects").selectAll().executeTakeFirstOrThrow();
  expect({ ...read, pieces: new Uint8Array(read.pieces) }).toEqual({ ...row, last_used_at: 1 });
  const track = { terminal_id: "t", track: "corrupt", checks: 1, failures: 0, score: 0.1 + 0.2 } as const;
  await db.insertInto("terminal_tracks").values(track).execute();
  expect(await db.selectFrom("terminal_tracks").selectAll().execute()).toEqual([track]);
  const sum = await db
    .selectFrom("objects")
    .select((select) => select.fn.sum<number>("size").as("sum"))
    .execute();
  expect(sum).toEqual([{ sum: 2 ** 52 + 1 }]);
  await db
    .insertInto("entries")
    .values({ ...ENTRY, site: "s", key: "/" })
    .execute();
  expect((await db.selectFrom("entries").select("stale_since").execute())[0]?.stale_since).toBeNull();
});

withDatabases("text is ordered and compared byte by byte", async ({ open }) => {
  const db = await open();
  const keys = ["/a", "/B", "/_", "/ä", "/a/b", "/a-b", "/A", "/\u{1F600}", "/\uFFFD"];
  for (const key of keys)
    await db
      .insertInto("entries")
      .values({ ...ENTRY, site: "s", key })
      .execute();
  const read = await db.selectFrom("entries").select("key").orderBy("key").execute();
  const bytewise = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(read.map(({ key }) => key)).toEqual(bytewise);
});

withDatabases("a transaction that throws leaves nothing", async ({ open }) => {
  const db = await open();
  const failed = db.transaction().execute(async (transaction) => {
    await transaction.insertInto("sites").values({ name: "a", settings: "{}", created_at: 1 }).execute();
    throw new Error("no");
  });
  await expect(failed).rejects.toThrow("no");
  expect(await db.selectFrom("sites").selectAll().execute()).toEqual([]);
});

withDatabases("openDatabase() refuses what a newer program has used, and leaves it alone", async ({ open, place }) => {
  const db = await open();
  await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01T00:00:00.000Z')`.execute(
    db,
  );
  await expect(openDatabase(place)).rejects.toMatchObject({ code: "database-newer", fault: "operator" });
  expect(await migrationsIn(db)).toContain("9999-later");
});

withPostgres("Routers that start at the same moment make the tables once", async ({ open }) => {
  const opened = await Promise.all(Array.from({ length: 6 }, open));
  for (const db of opened) expect(await migrationsIn(db)).toEqual(Object.keys(migrations).toSorted());
});

withPostgres("U+0000 from strangers is kept as U+FFFD", async ({ open }) => {
  const db = await open();
  await db.insertInto("sites").values({ name: "a", settings: "x\0y", created_at: 1 }).execute();
  expect((await db.selectFrom("sites").select("settings").execute())[0]?.settings).toBe("x\uFFFDy");
});

withPostgres("columns have PostgreSQL's types", async ({ open }) => {
  const db = (await open()) as unknown as Kysely<Record<string, Record<string, unknown>>>;
  const { rows } = await sql<{ column_name: string; data_type: string; collation_name: string | null }>`
    select column_name, data_type, collation_name from information_schema.columns
    where table_name = 'objects' and column_name in ('object_id', 'pieces', 'size') order by column_name`.execute(db);
  expect(rows).toEqual([
    { column_name: "object_id", data_type: "text", collation_name: "C" },
    { column_name: "pieces", data_type: "bytea", collation_name: null },
    { column_name: "size", data_type: "bigint", collation_name: null },
  ]);
});

test("openDatabase() says what is wrong with a file that is no database", async () => {
  const directory = await mkdtemp(join(tmpdir(), "neson-database-"));
  await writeFile(
    join(directory, "x.sqlite"),
    "this is not a database, but long enough to be looked at as one".repeat(50),
  );
  await expect(openDatabase(join(directory, "x.sqlite"))).rejects.toMatchObject({ code: "database-unusable" });
  await rm(directory, { recursive: true });
});

test("openDatabase() says that PostgreSQL is away, and never the password", async () => {
  const error = await openDatabase("postgres://neson:s3cret@127.0.0.1:1/neson").catch((caught) => caught);
  expect(error).toMatchObject({ code: "database-unavailable", fault: "operator" });
  expect(Bun.inspect(error)).not.toContain("s3cret");
});
