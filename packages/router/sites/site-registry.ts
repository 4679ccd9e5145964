import { readFile } from "node:fs/promises";
import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import { siteIdOf } from "@neson/protocol/ticket";
import type { Kysely, Transaction } from "kysely";
import { z } from "zod";
import type { Db } from "../db/database.ts";
import { isPostgres } from "../db/postgres.ts";
import type { Schema } from "../db/schema.ts";
import { holdNames, transact } from "../db/transaction.ts";
import { type Site, type Sites, siteSchema } from "./site.ts";

/** The configured sites: in memory for lookups, in the database so that they outlive the process. */
export interface SiteRegistry extends Sites {
  /** By the digest of its name that tickets carry. */
  byId(siteId: string): Site | undefined;
  /**
   * Adds a site, or replaces the one of the same name.
   * @throws NesonError `bad-site` or `host-taken` (caller).
   */
  put(input: unknown): Promise<Site>;
  /** False when no site has that name. */
  remove(name: string): Promise<boolean>;
  /** Reads sites again that another Router put or removed; all of them without names. */
  refresh(names?: readonly string[]): Promise<void>;
  /** Told the name of each site that is put or removed here. */
  onChanged: (name: string) => void;
}

/** What keeping sites needs. */
export interface SiteRegistryDeps {
  db: Db;
  clock: Clock;
  /** Forgets what is stored for a site that is gone or has another origin now. */
  forgetStored: (siteName: string) => Promise<void>;
}

/** Reads the stored sites, then those of the optional sites file, which wins by name. */
export async function openSites(deps: SiteRegistryDeps, sitesFile?: string): Promise<SiteRegistry> {
  const byName = new Map<string, Site>();
  const byHost = new Map<string, Site>();
  const byId = new Map<string, Site>();
  const hold = (site: Site): void => {
    drop(site.name);
    byName.set(site.name, site);
    byId.set(siteIdOf(site.name), site);
    for (const host of site.hosts) byHost.set(host, site);
  };
  const drop = (name: string): boolean => {
    for (const host of byName.get(name)?.hosts ?? []) byHost.delete(host);
    byId.delete(siteIdOf(name));
    return byName.delete(name);
  };
  const read = async (db: Kysely<Schema>, names?: readonly string[]): Promise<void> => {
    const rows = db.selectFrom("sites").select("settings");
    const found = await (names === undefined ? rows : rows.where("name", "in", names)).execute();
    const read = found.map((row) => parseSite(JSON.parse(row.settings)));
    const known = new Set(read.map(({ name }) => name));
    for (const name of names ?? [...byName.keys()]) if (!known.has(name)) drop(name);
    for (const site of read) hold(site);
  };

  const registry: SiteRegistry = {
    byHost: (hostname) => byHost.get(hostname),
    byId: (siteId) => byId.get(siteId),
    byName: (name) => byName.get(name),
    list: () => [...byName.values()],
    put: async (input) => {
      const site = parseSite(input);
      for (const host of site.hosts) refuseTakenHost(site, host, byHost.get(host));
      const former = byName.get(site.name);
      const row = { name: site.name, settings: JSON.stringify(site), created_at: deps.clock.nowMs() };
      await transact(deps.db, async (transaction) => {
        await holdNames(transaction, ["sites"]);
        for (const other of await sitesOfOthers(transaction, site.name)) {
          for (const host of site.hosts) refuseTakenHost(site, host, other.hosts.includes(host) ? other : undefined);
        }
        await transaction
          .insertInto("sites")
          .values(row)
          .onConflict((conflict) => conflict.column("name").doUpdateSet({ settings: row.settings }))
          .execute();
      });
      hold(site);
      registry.onChanged(site.name);
      if (former !== undefined && former.origin !== site.origin) await deps.forgetStored(site.name);
      return site;
    },
    remove: async (name) => {
      await deps.db.deleteFrom("sites").where("name", "=", name).execute();
      registry.onChanged(name);
      if (!drop(name)) return false;
      await deps.forgetStored(name);
      return true;
    },
    refresh: (names) => read(deps.db, names),
    onChanged: () => {},
  };

  await read(deps.db);
  if (sitesFile !== undefined) for (const site of await readSitesFile(sitesFile)) await registry.put(site);
  return registry;
}

/** Sites that other Routers may have put since this one read them; on SQLite there are none that it does not know. */
async function sitesOfOthers(transaction: Transaction<Schema>, name: string): Promise<Site[]> {
  if (!isPostgres(transaction)) return [];
  const rows = await transaction.selectFrom("sites").select("settings").where("name", "!=", name).execute();
  return rows.map(({ settings }) => parseSite(JSON.parse(settings)));
}

function parseSite(input: unknown): Site {
  const result = siteSchema.safeParse(input);
  if (result.success) return result.data;
  throw new NesonError("bad-site", `Reading a site failed: ${describeIssue(result.error, input)}`, { fault: "caller" });
}

function refuseTakenHost(site: Site, host: string, holder: Site | undefined): void {
  if (holder === undefined || holder.name === site.name) return;
  throw new NesonError(
    "host-taken",
    `Adding host ${host} to site ${site.name} failed: site ${holder.name} already answers for it. Remove it there first.`,
    { fault: "caller" },
  );
}

async function readSitesFile(path: string): Promise<unknown[]> {
  const refuse = (problem: string) =>
    new NesonError("bad-sites-file", `Reading the sites file ${path} failed: ${problem}`, { fault: "operator" });
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw refuse(describeError(error));
  }
  const file = z.strictObject({ sites: z.array(siteSchema).max(10_000) }).safeParse(parsed);
  if (!file.success) throw refuse(describeIssue(file.error, parsed));
  return file.data.sites;
}

/** The first problem as "field: found …, allowed …". */
function describeIssue(error: z.ZodError, input: unknown): string {
  const issue = error.issues[0];
  if (issue === undefined) return "unknown problem";
  let found: unknown = input;
  for (const step of issue.path) found = (found as Record<PropertyKey, unknown> | undefined)?.[step];
  const field = issue.path.length === 0 ? "site" : issue.path.join(".");
  return `${field}: found ${JSON.stringify(found) ?? "nothing"}, allowed: ${issue.message}`;
}
