import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { Catalog } from "../catalog/catalog.ts";
import type { Purger } from "../purge/purger.ts";
import type { PurgeRelay } from "../purge/relay.ts";
import type { SiteRegistry } from "../sites/site-registry.ts";
import type { Settlements } from "../steer/settlements.ts";
import type { BusHandlers } from "./bus.ts";
import { type LiveRouters, SILENCE_MS } from "./live-routers.ts";

/** Clocks of Routers may differ by so much; what was purged a little earlier than this one lost touch is put into effect again. */
const CLOCK_SLACK_MS = 60_000;

/** What acting on notices works with. */
export interface NoticeDeskDeps {
  catalog: Pick<Catalog, "acceptChange" | "forgetAll">;
  sites: Pick<SiteRegistry, "refresh">;
  purger: Pick<Purger, "apply" | "drop" | "applySince">;
  relay: Pick<PurgeRelay, "take">;
  live: Pick<LiveRouters, "hear">;
  settlements: Pick<Settlements, "take">;
  clock: Clock;
  log: Log;
}

/** Acts on what other Routers say: this one's memory is made to follow the database again. */
export function createNoticeDesk(deps: NoticeDeskDeps): BusHandlers {
  const { catalog, sites, purger, relay, live, settlements, clock, log } = deps;
  const startedAtMs = clock.nowMs();
  let heardAtMs: number | undefined;
  let isStarted = false;
  return {
    signal: (signal, from) => {
      heardAtMs = clock.nowMs();
      if (signal.type === "settled") settlements.take(signal);
      else live.hear(signal, from);
    },
    notice: async (notice, from) => {
      switch (notice.type) {
        case "sites":
          return await sites.refresh(notice.names);
        case "keys":
          for (const [site, key, isRemoved] of notice.keys) catalog.acceptChange({ site, key, isRemoved });
          return;
        case "forgotten":
          return catalog.acceptChange({ site: notice.site, isRemoved: true });
        case "purge":
        case "gone":
        case "swept":
        case "applied":
          return relay.take(notice, from, purger);
        case "resync":
          // The bus has that done before it gets here.
          return;
        default:
          notice satisfies never;
      }
    },
    resync: async (why) => {
      // At the start there is nothing to tell anybody.
      log[isStarted ? "info" : "debug"]({ why }, "reading sites, catalog and purges again");
      isStarted = true;
      // Before it started it had nothing in memory and no pull under way.
      const sinceMs = heardAtMs === undefined ? startedAtMs : heardAtMs - SILENCE_MS - CLOCK_SLACK_MS;
      heardAtMs = clock.nowMs();
      await sites.refresh();
      catalog.forgetAll();
      await purger.applySince(sinceMs);
    },
  };
}
