import { randomBytes } from "node:crypto";
import { httpUrlOf } from "@neson/kit/address";
import { type Clock, systemClock } from "@neson/kit/clock";
import type { ReadyService } from "@neson/kit/lifecycle";
import { createLog, type Log } from "@neson/kit/log";
import { toBase64Url } from "@neson/protocol/bytes";
import { writeAdminFile } from "./api/admin-file.ts";
import { ApiKeys } from "./api/api-keys.ts";
import { createControlApi } from "./api/control-api.ts";
import { listenForControl } from "./api/control-listener.ts";
import { createMayTrace } from "./api/trace-keys.ts";
import type { RouterConfig } from "./config.ts";
import { createEdge } from "./edge/edge.ts";
import { type Locate, openGeo } from "./geo/locate.ts";
import { createMeter } from "./meter/meter.ts";
import { OriginResolver, systemResolve } from "./origin/resolver.ts";
import { createCare, lookEachSecond, takeUpJobs } from "./parts/care.ts";
import { controlOptions, ticketKeysOf } from "./parts/control.ts";
import { openFigures } from "./parts/figures.ts";
import { joinNetwork, openNetwork } from "./parts/network.ts";
import { freshNonce } from "./parts/nonce.ts";
import { createSteering } from "./parts/steering.ts";
import { openStorage, type Storage } from "./parts/storage.ts";
import { RecentIds } from "./registry/recent-ids.ts";
import { createRegistry } from "./registry/registry.ts";
import { createSaves } from "./registry/saves.ts";
import { SpeedGrants } from "./registry/speed-grants.ts";
import { openReleases } from "./releases/releases.ts";
import { trustedProxiesOf } from "./rules/client-address.ts";
import { pricesOf } from "./spend/cost.ts";
import { openTraffic, type Traffic } from "./traffic/open-traffic.ts";
import { listenForViewers, viewerSchemeOf } from "./viewers/listen-for-viewers.ts";

const TOKEN_BYTES = 32;
/** Objects with open tickets that are kept in mind, about 20 MB. */
const MAX_TICKETED = 100_000;

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
  const { keys, db, shield, catalog, slices, sites } = storage;

  const registry = createRegistry();
  const locate = openGeo(config.geoFile);
  const traffic = await openWatch(config, { ...storage, locate, ...common }, parts);
  const onPaid = traffic.figures.notePaid.bind(traffic.figures);
  const meter = createMeter({ masterKey: keys.master }, { db, sites, clock, onPaid });
  const control: { url: string } = { url: config.controlUrl ?? "" };
  const controlUrl = () => control.url;
  const saves = createSaves(
    { controlUrl, fillKey: keys.fill },
    { catalog, canFill: (objectId) => shield.open(objectId) !== undefined, identity: keys.identity, ...common },
  );
  const network = openNetwork(config, { keys, registry, controlUrl, ...common });
  const ticketed = new RecentIds({ lifeMs: config.ticketMs, maxIds: MAX_TICKETED });
  const steering = createSteering(config, { ...network, registry, saves, masterKey: keys.master, ticketed, clock });
  const mayTrace = createMayTrace({ keys: new ApiKeys({ db, clock, randomBytes }), clock });
  const watchers = { locate, ...watching(traffic), mayTrace, ...common };
  const edge = parts.use(createEdge(edgeOptions(config), { sites, catalog, shield, slices, steering, ...watchers }));

  const releases = await openReleases(config.releasesDir, { controlUrl, ...common });
  const care = createCare(config, { ...storage, edge, registry, meter, releases, network, ...common });
  await takeUpJobs(care, parts);
  const speeds = new SpeedGrants({ controlUrl, key: keys.fill }, { clock });
  const token = toBase64Url(randomBytes(TOKEN_BYTES));
  const figures = openFigures({ ...storage, ...network, edge, registry, meter, traffic, clock }, parts);
  const listener = parts.use(
    listenForControl(controlOptions(config, keys), {
      channel: {
        ...{ registry, meter, saves, speeds, ticketed, controlUrl, ...care, ...network },
        purgedAmong: (objectIds) => care.purges.purgedAmong(objectIds),
        publishedHeaders: (objectId) => catalog.headersIdsOf(objectId),
        ticketKeysOf: (terminalId) => ticketKeysOf(keys.master, terminalId, clock.nowMs()),
        challenge: freshNonce,
        ...common,
      },
      fill: { shield, catalog, clock },
      speed: { grants: speeds, clock },
      releases,
      api: createControlApi({ db, sites, registry, ...figures, ...care, ...traffic, ...common, operatorToken: token }),
      metrics: { page: figures.metrics, from: config.metricsFrom },
      log,
    }),
  );
  parts.use(lookEachSecond(care));
  const localControlUrl = urlOf(listener.hostname, listener.port);
  control.url ||= localControlUrl;
  parts.use(joinNetwork(network, { ...storage, purger: care.purger, ...common }));
  const server = parts.use(await listenForViewers(config, { handle: edge.handle, ...common }));
  await writeAdminFile(config.dataDir, { url: localControlUrl, token });
  const plainUrl = urlOf(server.hostname, server.port);
  const url = config.tlsCertFile === undefined ? plainUrl : plainUrl.replace(/^http:/, "https:");
  log.info({ url, controlUrl: control.url }, "serving");

  const running = parts.move();
  return {
    ready: { url, controlUrl: control.url, pid: process.pid },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** What is seen of the traffic, kept and charged. */
function openWatch(
  config: RouterConfig,
  { keys, locate, clock, ...deps }: Storage & { locate: Locate; clock: Clock; log: Log },
  parts: AsyncDisposableStack,
) {
  return openTraffic(
    { prices: pricesOf(config), masterKey: keys.master, accessLog: config.accessLog },
    {
      ...deps,
      resolver: new OriginResolver({ resolve: systemResolve, clock }),
      countryOf: (address) => locate(address).country,
      clock,
    },
    parts,
  );
}

function edgeOptions(config: RouterConfig) {
  const { maxObjectBytes } = config;
  return { edgeScheme: viewerSchemeOf(config), maxObjectBytes, trustedProxies: trustedProxiesOf(config) };
}

/** How the edge is watched, and what it is told of spending. */
function watching({ observer, guard }: Traffic) {
  return { observe: observer.observe.bind(observer), spendStateOf: guard.stateOf.bind(guard) };
}

/** A URL at which this machine itself reaches a listener. */
function urlOf(hostname: string, port: number): string {
  return httpUrlOf(hostname === "0.0.0.0" || hostname === "::" ? "127.0.0.1" : hostname, port);
}
