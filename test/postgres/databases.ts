import { afterAll, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Db, openDatabase } from "@neson/router/db/database";
import pg from "pg";
import { needs } from "../needs.ts";
import { type PostgresServer, startPostgres } from "../services/postgres.ts";

/** An empty database of one test. */
export interface TestDatabase {
  /** For `openDatabase`. */
  place: string;
  /** Opens it with all its tables, once more with each call; closed when the test is over. */
  open(): Promise<Db>;
}

const TIMEOUT_MS = 60_000;
let server: Promise<PostgresServer> | undefined;

afterAll(async () => {
  const started = server;
  server = undefined;
  await (await started)?.[Symbol.asyncDispose]();
});

/** Declares a test once on SQLite and once on PostgreSQL, each time with an empty database. */
export function withDatabases(name: string, run: (database: TestDatabase) => Promise<void>): void {
  test(
    `${name} (SQLite)`,
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "neson-sqlite-"));
      try {
        await withOpenings(join(directory, "router.sqlite"), run);
      } finally {
        await rm(directory, { recursive: true });
      }
    },
    TIMEOUT_MS,
  );
  withPostgres(name, run);
}

/** Declares a test that only PostgreSQL can take. */
export function withPostgres(name: string, run: (database: TestDatabase) => Promise<void>): void {
  const inDatabase = async () => withOpenings(await createDatabase(await sharedServer()), run);
  test.skipIf(!needs("postgres"))(`${name} (PostgreSQL)`, inDatabase, TIMEOUT_MS);
}

/** The server of this file's tests. */
function sharedServer(): Promise<PostgresServer> {
  server ??= startPostgres();
  return server;
}

/** Makes an empty database; gives its URL. */
export async function createDatabase({ url }: PostgresServer): Promise<string> {
  const name = `t${randomBytes(8).toString("hex")}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

async function withOpenings(place: string, run: (database: TestDatabase) => Promise<void>): Promise<void> {
  const opened: Db[] = [];
  const open = async () => {
    const db = await openDatabase(place);
    opened.push(db);
    return db;
  };
  try {
    await run({ place, open });
  } finally {
    for (const db of opened) await db.destroy();
  }
}

/** An empty database of the server of this file's tests; gives its URL. */
export async function newDatabase(): Promise<string> {
  return createDatabase(await sharedServer());
}
