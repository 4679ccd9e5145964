import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { siteIdOf } from "@neson/protocol/ticket";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { openSites } from "./site-registry.ts";

const cleanups: (() => Promise<void>)[] = [];
const SHOP = { name: "shop", hosts: ["shop.example"], origin: "https://origin.example" };

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function workplace() {
  const directory = await mkdtemp(join(tmpdir(), "neson-sites-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const db = await openTestDatabase(join(directory, "router.sqlite"));
  cleanups.push(() => db.destroy());
  const forgotten: string[] = [];
  const forgetStored = async (name: string) => void forgotten.push(name);
  return { directory, forgotten, deps: { db, clock: new FakeClock(0), forgetStored } };
}

test("put() makes a site findable by each host and id, and it is there after reopening", async () => {
  const { deps } = await workplace();
  const sites = await openSites(deps);
  await sites.put({ ...SHOP, hosts: ["shop.example", "www.shop.example"] });
  expect(sites.byHost("www.shop.example")?.name).toBe("shop");
  const reopened = await openSites(deps);
  expect(reopened.byId(siteIdOf("shop"))?.origin).toBe("https://origin.example");
});

test("put() replaces a site of the same name and frees the hosts it gave up", async () => {
  const { deps } = await workplace();
  const sites = await openSites(deps);
  await sites.put(SHOP);
  await sites.put({ ...SHOP, hosts: ["new.example"] });
  expect(sites.byHost("shop.example")).toBeUndefined();
  expect(sites.byHost("new.example")?.name).toBe("shop");
});

test("put() and remove() have what was stored forgotten when the origin is another or the site is gone", async () => {
  const { deps, forgotten } = await workplace();
  const sites = await openSites(deps);
  await sites.put(SHOP);
  await sites.put({ ...SHOP, hosts: ["other.example"] });
  expect(forgotten).toEqual([]);
  await sites.put({ ...SHOP, origin: "https://moved.example" });
  await sites.remove("shop");
  expect(forgotten).toEqual(["shop", "shop"]);
});

test("put() refuses a host that another site has", async () => {
  const { deps } = await workplace();
  const sites = await openSites(deps);
  await sites.put(SHOP);
  expect(sites.put({ ...SHOP, name: "thief" })).rejects.toThrow("site shop already answers for it");
});

test.each([
  [{ ...SHOP, name: "Shop!" }, 'name: found "Shop!", allowed: 1 to 63 lower-case letters'],
  [
    { ...SHOP, hosts: ["shop.example:80"] },
    'hosts.0: found "shop.example:80", allowed: a lower-case host name without port',
  ],
  [{ ...SHOP, origin: "ftp://x" }, 'origin: found "ftp://x", allowed: an http or https URL'],
  [{ ...SHOP, extra: 1 }, "extra"],
])("put() names field, value and what is allowed for %j", async (input, message) => {
  const { deps } = await workplace();
  const sites = await openSites(deps);
  expect(sites.put(input)).rejects.toThrow(message);
});

test("remove() forgets a site for good and tells whether there was one", async () => {
  const { deps } = await workplace();
  const sites = await openSites(deps);
  await sites.put(SHOP);
  expect(await sites.remove("shop")).toBe(true);
  expect(await sites.remove("shop")).toBe(false);
  expect((await openSites(deps)).list()).toEqual([]);
});

test("openSites() reads a sites file and says what is wrong with a bad one", async () => {
  const { directory, deps } = await workplace();
  const file = join(directory, "sites.json");
  await Bun.write(file, JSON.stringify({ sites: [SHOP] }));
  expect((await openSites(deps, file)).byHost("shop.example")?.name).toBe("shop");
  await Bun.write(file, JSON.stringify({ sites: [{ ...SHOP, hosts: [] }] }));
  expect(openSites(deps, file)).rejects.toThrow("sites.0.hosts");
  expect(openSites(deps, join(directory, "none.json"))).rejects.toThrow("none.json");
});
