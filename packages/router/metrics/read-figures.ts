import type { Clock } from "@neson/kit/clock";
import type { Catalog } from "../catalog/catalog.ts";
import type { Db } from "../db/database.ts";
import type { Edge } from "../edge/edge.ts";
import type { Meter } from "../meter/meter.ts";
import type { Registry } from "../registry/registry.ts";
import type { Sites } from "../sites/site.ts";
import type { SliceStore } from "../slices/slice-store.ts";
import type { Traffic } from "../traffic/open-traffic.ts";
import type { watchLoopLag } from "./loop-lag.ts";
import type { Figures } from "./metric-table.ts";

/** Where the figures come from. */
export interface FiguresDeps {
  edge: Pick<Edge, "stats" | "originsOf">;
  catalog: Pick<Catalog, "stored">;
  slices: Pick<SliceStore, "storedBytes" | "partCount">;
  registry: Pick<Registry, "all">;
  meter: Pick<Meter, "totals">;
  sites: Pick<Sites, "list">;
  traffic: Pick<Traffic, "guard" | "live" | "droppedRecords">;
  lag: Pick<ReturnType<typeof watchLoopLag>, "takeSeconds">;
  db: Db;
  clock: Clock;
}

/** Reads what the metrics say now. */
export function readFigures(options: { shieldQuotaBytes: number }, deps: FiguresDeps): () => Promise<Figures> {
  const { clock, traffic } = deps;
  const startedAtMs = clock.nowMs();
  return async () => {
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const totals = await deps.meter.totals();
    const sites = deps.sites.list();
    const states = sites.map(({ name }) => traffic.guard.stateOf(name));
    const { user, system } = process.cpuUsage();
    return {
      uptimeSeconds: (clock.nowMs() - startedAtMs) / 1000,
      edge: deps.edge.stats,
      stored: await deps.catalog.stored(),
      origins: sites.flatMap((site) => deps.edge.originsOf(site).map((origin) => ({ site: site.name, ...origin }))),
      shieldQuotaBytes: options.shieldQuotaBytes,
      slices: { bytes: deps.slices.storedBytes, parts: deps.slices.partCount },
      purgesUnderWay: await purgesUnderWay(deps.db),
      terminals: deps.registry.all().map((terminal) => ({
        utilisation: terminal.utilisation(nowSeconds),
        openTransfers: terminal.report?.openTransfers ?? 0,
        egressBytesPerSecond: terminal.report?.egressBytesPerSecond ?? 0,
        refusesSaves: terminal.report?.refusesSaves !== undefined,
      })),
      paid: {
        bytes: totals.reduce((sum, { paidBytes }) => sum + paidBytes, 0),
        tickets: totals.reduce((sum, { paidTickets }) => sum + paidTickets, 0),
      },
      sites: {
        count: states.length,
        routerOnly: states.filter((state) => state === "router-only").length,
        stopped: states.filter((state) => state === "stopped").length,
      },
      logs: { readers: traffic.live.readers, droppedRecords: traffic.droppedRecords() },
      process: {
        residentBytes: process.memoryUsage.rss(),
        cpuSeconds: (user + system) / 1e6,
        eventLoopLagSeconds: deps.lag.takeSeconds(),
      },
    };
  };
}

async function purgesUnderWay(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("purge_jobs")
    .select((columns) => columns.fn.countAll().as("count"))
    .where("done_at", "is", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}
