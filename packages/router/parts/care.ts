import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import { Purges } from "../catalog/purges.ts";
import type { RouterConfig } from "../config.ts";
import type { Edge } from "../edge/edge.ts";
import type { Meter } from "../meter/meter.ts";
import { PrefetchTables } from "../prefetch/prefetch-tables.ts";
import { Prefetcher } from "../prefetch/prefetcher.ts";
import { PurgeRows } from "../purge/purge-rows.ts";
import { PurgeTables } from "../purge/purge-tables.ts";
import { Purger } from "../purge/purger.ts";
import { createAudits } from "../registry/audits.ts";
import { deleteEverywhere } from "../registry/deletions.ts";
import { createDialBack } from "../registry/dial-back.ts";
import { createPresence } from "../registry/presence.ts";
import { PurgeOrders } from "../registry/purge-orders.ts";
import { Reach } from "../registry/reach.ts";
import type { Registry } from "../registry/registry.ts";
import { Standings } from "../registry/standings.ts";
import { createTracks } from "../registry/tracks.ts";
import { Updates } from "../registry/updates.ts";
import type { Releases } from "../releases/releases.ts";
import type { Site } from "../sites/site.ts";
import type { Network } from "./network.ts";
import { freshNonce } from "./nonce.ts";
import type { Storage } from "./storage.ts";

/** Looks into Terminals' holdings for purges, some 10 ms of work each second. */
const LOOKUPS_PER_SECOND = 200_000;

/** Tickets are rounded up to whole seconds, and Terminals' clocks differ a little. */
const TICKET_SLACK_MS = 30_000;
/** Purged objects that a Terminal is told of as it returns, some 1.3 MB; of what lies beyond it hears when it lists it. */
const MAX_TOLD_ON_RETURN = 20_000;

/** What keeps Terminals posted and checked, and the network free of what is not published any more. */
export function createCare(
  config: RouterConfig,
  deps: Storage & {
    edge: Pick<Edge, "pullsOver" | "dropCoded" | "prefetch">;
    registry: Registry;
    meter: Meter;
    releases: Releases;
    network: Pick<Network, "relay" | "list">;
    clock: Clock;
    log: Log;
  },
) {
  const { db, catalog, registry, clock, log } = deps;
  const tracks = createTracks({ db, clock });
  const standings = new Standings({ ...deps, tracks });
  const updates = new Updates(deps);
  const presence = createPresence({ standings, updates, routers: deps.network.list, tracks, log });
  const dialBack = createDialBack({ allowPrivateTerminals: config.allowPrivateTerminals });
  const onLost = presence.unreachable;
  const reach = new Reach({ registry, dialBack, onLost, clock, log });
  const audits = createAudits({ catalog, tracks, nonce: freshNonce, clock });
  const purges = new Purges(
    { graceMs: config.ticketMs },
    {
      ...deps,
      tellTerminals: (objectIds, reason) => deleteEverywhere(registry.all(), objectIds, reason),
      batchSize: () => Math.ceil(LOOKUPS_PER_SECOND / Math.max(1, registry.all().length)),
    },
  );
  const purgeOrders = new PurgeOrders({
    purgedLately: () => purges.purgedSince(clock.nowMs() - config.ticketMs - TICKET_SLACK_MS, MAX_TOLD_ON_RETURN),
    clock,
  });
  const purger = new Purger({
    ...{ tables: new PurgeTables(db), rows: new PurgeRows(db), marks: catalog.marks, clock, log },
    forgetMemory: (site, key) => catalog.forgetMemory(site, key),
    removeParts: (site, matches) => deps.slices.removeWhere(site, matches),
    removeBytes: (objectIds) => {
      for (const objectId of objectIds) deps.shield.remove(objectId);
      deps.edge.dropCoded(objectIds);
    },
    tellTerminals: (objectIds) => purgeOrders.tell(registry.all(), objectIds, "purged by the site's owner"),
    pullsOver: (site) => deps.edge.pullsOver(site),
    publish: (order, id) => deps.network.relay.publish(order, id),
    publishGone: (objectIds, id) => deps.network.relay.publishGone(objectIds, id),
    othersDone: (id) => deps.network.relay.othersDone(id),
  });
  const prefetches = new PrefetchTables(db);
  const pull = (site: Site, target: string) => deps.edge.prefetch(site, target);
  const prefetcher = new Prefetcher({ tables: prefetches, sites: deps.sites, pull, clock, log });
  return { standings, updates, presence, dialBack, reach, audits, purges, purgeOrders, purger, prefetches, prefetcher };
}

/** Goes on with what an earlier process left undone. Purges are in effect when this resolves: call it before anything is answered. */
export async function takeUpJobs(
  { purger, prefetcher }: Pick<ReturnType<typeof createCare>, "purger" | "prefetcher">,
  parts: AsyncDisposableStack,
): Promise<void> {
  parts.use(purger);
  parts.use(prefetcher);
  await purger.resume();
  await prefetcher.resume();
}

/** Until disposed of, once a second; a look that takes longer than that delays the next. */
export function lookEachSecond({ standings, updates, reach, purges }: ReturnType<typeof createCare>): AsyncDisposable {
  let looking: Promise<void> | undefined;
  const look = async () => {
    updates.look();
    reach.look();
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
