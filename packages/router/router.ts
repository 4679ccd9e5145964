import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { httpUrlOf } from "@neson/kit/address";
import { type Clock, systemClock } from "@neson/kit/clock";
import { lockDirectory, readOrCreateSecret } from "@neson/kit/files";
import { serveHttp } from "@neson/kit/http/server";
import type { ReadyService } from "@neson/kit/lifecycle";
import { createLog, type Log } from "@neson/kit/log";
import { toBase64Url, toHex } from "@neson/protocol/bytes";
import { deriveFillKey } from "@neson/protocol/fill-ticket";
import { identityFromSeed } from "@neson/protocol/identity";
import { deriveTicketKey, ticketKeyDay } from "@neson/protocol/ticket";
import { writeAdminFile } from "./api/admin-file.ts";
import { listenForControl } from "./api/control-listener.ts";
import { createStatus } from "./api/status.ts";
import { openCatalog } from "./catalog/catalog.ts";
import { Purges } from "./catalog/purges.ts";
import { openShield } from "./catalog/shield.ts";
import type { RouterConfig } from "./config.ts";
import { openDatabase } from "./db/database.ts";
import { createEdge } from "./edge/edge.ts";
import { createMeter, type Meter } from "./meter/meter.ts";
import { DEFAULT_POLICY } from "./policy/plan.ts";
import { createAudits } from "./registry/audits.ts";
import { deleteEverywhere } from "./registry/deletions.ts";
import { createDialBack } from "./registry/dial-back.ts";
import { createPresence } from "./registry/presence.ts";
import { RecentIds } from "./registry/recent-ids.ts";
import { createRegistry, type Registry } from "./registry/registry.ts";
import { createSaves, type Saves } from "./registry/saves.ts";
import { SpeedGrants } from "./registry/speed-grants.ts";
import { Standings } from "./registry/standings.ts";
import { createTracks } from "./registry/tracks.ts";
import { Updates } from "./registry/updates.ts";
import { openReleases, type Releases } from "./releases/releases.ts";
import { openSites } from "./sites/site-registry.ts";
import { createSteerer } from "./steer/steerer.ts";
import { createTicketMint } from "./steer/ticket-mint.ts";

const SECRET_BYTES = 32;
/** Memory for entries that are found without the database. */
const CATALOG_MEMORY_BYTES = 256 * 1024 * 1024;
/** Objects with open tickets that are kept in mind, about 20 MB. */
const MAX_TICKETED = 100_000;
/** Looks into Terminals' holdings for purges, some 10 ms of work each second. */
const LOOKUPS_PER_SECOND = 200_000;

/**
 * Starts a Router: opens what it keeps, then listens for Terminals, then for viewers.
 * @throws NesonError (operator) when the data directory, a port, a key or the sites file is not usable
 */
export async function startRouter(config: RouterConfig): Promise<ReadyService> {
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const log = createLog({ name: "router", level: config.logLevel });
  const common = { clock, log };
  const storage = await openStorage(config, common, parts);
  const { keys, db, shield, catalog, sites } = storage;

  const registry = createRegistry();
  const meter = createMeter({ masterKey: keys.master }, { db, sites, clock });
  const control: { url: string } = { url: config.controlUrl ?? "" };
  const controlUrl = () => control.url;
  const saves = createSaves(
    { controlUrl, fillKey: keys.fill },
    { catalog, canFill: (objectId) => shield.open(objectId) !== undefined, identity: keys.identity, ...common },
  );
  const ticketed = new RecentIds({ lifeMs: config.ticketMs, maxIds: MAX_TICKETED });
  const steering = createSteering(config, { registry, saves, masterKey: keys.master, ticketed, clock });
  const { edgeScheme, maxObjectBytes } = config;
  const edge = parts.use(createEdge({ edgeScheme, maxObjectBytes }, { sites, catalog, shield, steering, ...common }));

  const releases = await openReleases(config.releasesDir, { controlUrl, ...common });
  const care = createCare(config, { ...storage, registry, meter, releases, ...common });
  const speeds = new SpeedGrants({ controlUrl, key: keys.fill }, { clock });
  const token = toBase64Url(randomBytes(SECRET_BYTES));
  const counters = () => edge.stats;
  const status = createStatus({ registry, meter, counters, stored: () => catalog.stored(), clock });
  const listener = parts.use(
    listenForControl(controlOptions(config, keys), {
      channel: {
        ...{ registry, meter, saves, speeds, ticketed },
        ...{ audits: care.audits, presence: care.presence },
        purgedAmong: (objectIds) => care.purges.purgedAmong(objectIds),
        publishedHeaders: (objectId) => catalog.headersIdsOf(objectId),
        dialBack: createDialBack({ allowPrivateTerminals: config.allowPrivateTerminals }),
        ticketKeysOf: (terminalId) => ticketKeysOf(keys.master, terminalId, clock.nowMs()),
        challenge: freshNonce,
        ...common,
      },
      fill: { shield, catalog, clock },
      speed: { grants: speeds, clock },
      releases,
      admin: { sites, status, token, terminals: { registry, ...care }, log },
      log,
    }),
  );
  parts.use(lookEachSecond(care));
  const localControlUrl = urlOf(listener.hostname, listener.port);
  control.url ||= localControlUrl;
  const { listenHost: hostname, listenPort: port } = config;
  const server = parts.use(await serveHttp({ hostname, port, handle: edge.handle, ...common }));
  await writeAdminFile(config.dataDir, { url: localControlUrl, token });
  const url = urlOf(server.hostname, server.port);
  log.info({ url, controlUrl: control.url }, "serving");

  const running = parts.move();
  return {
    ready: { url, controlUrl: control.url, pid: process.pid },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Everything kept on disk; the lock comes first, so that no other process ever works beside this one. */
async function openStorage(
  config: RouterConfig,
  { clock, log }: { clock: Clock; log: Log },
  parts: AsyncDisposableStack,
) {
  const { dataDir, shieldBytes, memoryBytes, sitesFile } = config;
  parts.use(lockDirectory(dataDir));
  const keys = openKeys(dataDir);
  const db = await openDatabase(join(dataDir, "router.sqlite"));
  parts.defer(() => db.destroy());
  const shield = await openShield({ directory: join(dataDir, "shield"), maxBytes: shieldBytes, memoryBytes }, { log });
  const catalogOptions = { memoryBytes: CATALOG_MEMORY_BYTES, policy: DEFAULT_POLICY };
  const catalog = parts.use(await openCatalog(catalogOptions, { db, shield, clock, log }));
  const forgetStored = (siteName: string) => catalog.removeSite(siteName);
  const sites = await openSites({ db, clock, forgetStored }, sitesFile);
  return { keys, db, shield, catalog, sites };
}

function createSteering(
  config: RouterConfig,
  deps: { registry: Registry; saves: Saves; masterKey: Uint8Array; ticketed: RecentIds; clock: Clock },
) {
  const nowMs = () => deps.clock.nowMs();
  const mint = createTicketMint(
    { masterKey: deps.masterKey, ticketSeconds: Math.ceil(config.ticketMs / 1000) },
    { nowMs, randomBytes },
  );
  return createSteerer({
    registry: deps.registry,
    mint: {
      group: (options) => {
        deps.ticketed.note(options.entry.object.objectId, nowMs());
        return mint.group(options);
      },
    },
    nowMs,
    save: (terminal, entry) => {
      void deps.saves.place(terminal, { objectId: entry.object.objectId, headersId: entry.headersId });
    },
  });
}

/** What keeps Terminals posted and checked, and the network free of what is not published any more. */
function createCare(
  config: RouterConfig,
  deps: Awaited<ReturnType<typeof openStorage>> & {
    registry: Registry;
    meter: Meter;
    releases: Releases;
    clock: Clock;
    log: Log;
  },
) {
  const { db, catalog, registry, clock, log } = deps;
  const tracks = createTracks({ db, clock });
  const standings = new Standings({ ...deps, tracks });
  const updates = new Updates(deps);
  const presence = createPresence({ standings, updates, tracks, log });
  const audits = createAudits({ catalog, tracks, nonce: freshNonce, clock });
  const purges = new Purges(
    { graceMs: config.ticketMs },
    {
      ...deps,
      tellTerminals: (objectIds, reason) => deleteEverywhere(registry.all(), objectIds, reason),
      batchSize: () => Math.ceil(LOOKUPS_PER_SECOND / Math.max(1, registry.all().length)),
    },
  );
  return { standings, updates, presence, audits, purges };
}

/** Until disposed of, once a second; a look that takes longer than that delays the next. */
function lookEachSecond({ standings, updates, purges }: ReturnType<typeof createCare>): AsyncDisposable {
  let looking: Promise<void> | undefined;
  const look = async () => {
    updates.look();
    await standings.look();
    await purges.step();
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, 1000);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

function freshNonce(): string {
  return toHex(randomBytes(SECRET_BYTES));
}

function controlOptions(config: RouterConfig, keys: ReturnType<typeof openKeys>) {
  return {
    hostname: config.controlHost,
    port: config.controlPort,
    fillKey: keys.fill,
    channel: {
      routerKey: keys.identity.publicKey,
      edgeScheme: config.edgeScheme,
      maxObjectBytes: config.maxObjectBytes,
      maxTerminals: config.maxTerminals,
      terminalCapacityBytesPerSecond: config.terminalCapacityBytes,
    },
  };
}

/** What must outlive the process and never leave it. */
function openKeys(dataDir: string) {
  const master = readOrCreateSecret(join(dataDir, "master.key"), SECRET_BYTES);
  const identity = identityFromSeed(readOrCreateSecret(join(dataDir, "identity.key"), SECRET_BYTES));
  return { master, identity, fill: deriveFillKey(master) };
}

/** Today's and tomorrow's key: a Terminal that is out of touch over midnight still knows the tickets of the new day. */
function ticketKeysOf(masterKey: Uint8Array, terminalId: string, nowMs: number): { day: number; key: string }[] {
  const today = ticketKeyDay(Math.floor(nowMs / 1000));
  return [today, today + 1].map((day) => ({ day, key: toBase64Url(deriveTicketKey(masterKey, terminalId, day)) }));
}

/** A URL at which this machine itself reaches a listener. */
function urlOf(hostname: string, port: number): string {
  return httpUrlOf(hostname === "0.0.0.0" || hostname === "::" ? "127.0.0.1" : hostname, port);
}
