import { createHash, randomUUID } from "node:crypto";
import { readEnvironment } from "@neson/kit/config";
import pg from "pg";
import { type Db, openDatabase } from "../database.ts";

/**
 * A database for a test: SQLite at this path; or, where the environment's NESON_TEST_POSTGRES names a server, a database of that server, the same one for
 * the same path. ":memory:" is a new one each time.
 */
export async function openTestDatabase(path: string): Promise<Db> {
  return openDatabase(await testPlace(path));
}

/** Where `openTestDatabase` would open it. */
async function testPlace(path: string): Promise<string> {
  const server = readEnvironment().NESON_TEST_POSTGRES;
  if (server === undefined || server === "") return path;
  const name = `t${createHash("sha256")
    .update(path === ":memory:" ? randomUUID() : path)
    .digest("hex")
    .slice(0, 20)}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    const known = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (known.rowCount === 0) await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
