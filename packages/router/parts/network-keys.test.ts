import { afterEach, expect, test } from "bun:test";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPostgres } from "../db/postgres.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { openNetworkKeys } from "./network-keys.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function workplace() {
  const directory = await mkdtemp(join(tmpdir(), "neson-keys-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const db = await openTestDatabase(join(directory, "router.sqlite"));
  cleanups.push(() => db.destroy());
  const [one, two] = [join(directory, "one"), join(directory, "two")];
  for (const place of [one, two]) await mkdir(place);
  return { db, one, two };
}

test("openNetworkKeys() makes keys once, and gives the same ones wherever they are copied to", async () => {
  const { db, one, two } = await workplace();
  const made = await openNetworkKeys(one, db);
  expect(made.fingerprint).toMatch(/^[0-9a-f]{32}$/);
  await cp(one, two, { recursive: true });
  const copied = await openNetworkKeys(two, db);
  expect(copied.fingerprint).toBe(made.fingerprint);
  expect(copied.identity.publicKey).toBe(made.identity.publicKey);
});

test("openNetworkKeys() binds a database that Routers can share to its keys, and one of a Router alone not", async () => {
  const { db, one, two } = await workplace();
  await openNetworkKeys(one, db);
  const other = openNetworkKeys(two, db);
  if (isPostgres(db)) {
    expect(other).rejects.toThrow("there is no master.key and no identity.key");
    await cp(join(one, "identity.key"), join(two, "identity.key"));
    await Bun.write(join(two, "master.key"), new Uint8Array(32));
    expect(openNetworkKeys(two, db)).rejects.toThrow("Copy master.key and identity.key");
  } else expect((await other).fingerprint).not.toBe((await openNetworkKeys(one, db)).fingerprint);
});
