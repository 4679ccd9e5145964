import type { EdgeStats } from "../edge/stats.ts";
import type { OriginFigures } from "../origin/origin-health.ts";

/** What the metrics are read from, at each scrape. */
export interface Figures {
  uptimeSeconds: number;
  edge: Readonly<EdgeStats>;
  stored: { entries: number; objects: number; shieldObjects: number; shieldBytes: number };
  shieldQuotaBytes: number;
  origins: ({ site: string } & Pick<OriginFigures, "isHealthy" | "isEjected" | "failures" | "retries">)[];
  slices: { bytes: number; parts: number };
  purgesUnderWay: number;
  terminals: { utilisation: number; openTransfers: number; egressBytesPerSecond: number; refusesSaves: boolean }[];
  paid: { bytes: number; tickets: number };
  sites: { count: number; routerOnly: number; stopped: number };
  logs: { readers: number; droppedRecords: number };
  process: { residentBytes: number; cpuSeconds: number; eventLoopLagSeconds: number };
}

/** One sample: label values, and the figure; of a counter, samples with the same labels add up. */
type Sample = [labels: Record<string, string>, value: number];

/** One metric: its name after `neson_router_`, and how it is read. */
export interface Metric {
  /** With its unit, as Prometheus' naming practices want it; counters end in `_total`. */
  name: string;
  help: string;
  labels?: string[];
  isCounter?: boolean;
  read: (figures: Figures) => Sample[];
}

const one = (value: number): Sample[] => [[{}, value]];

const EDGE: Metric[] = [
  {
    name: "requests_total",
    help: "Requests of viewers since the start.",
    isCounter: true,
    read: ({ edge }) => one(edge.requests),
  },
  {
    name: "plans_total",
    help: "Requests by what was done with them: hit, miss, revalidate, pass.",
    labels: ["plan"],
    isCounter: true,
    read: ({ edge }) => [
      [{ plan: "hit" }, edge.hits],
      [{ plan: "miss" }, edge.misses],
      [{ plan: "revalidate" }, edge.revalidations],
      [{ plan: "pass" }, edge.passes],
    ],
  },
  {
    name: "steered_total",
    help: "Answers that sent the client to a Terminal.",
    isCounter: true,
    read: ({ edge }) => one(edge.steered),
  },
  {
    name: "collapsed_total",
    help: "Requests that shared another's origin request.",
    isCounter: true,
    read: ({ edge }) => one(edge.collapsed),
  },
  {
    name: "origin_requests_total",
    help: "Requests sent to origins.",
    isCounter: true,
    read: ({ edge }) => one(edge.originRequests),
  },
  {
    name: "origins",
    help: "Origins of all sites, by state: in-order, unhealthy by their checks, ejected for a while after failures.",
    labels: ["state"],
    read: ({ origins }) => [
      [{ state: "in-order" }, origins.filter(({ isHealthy, isEjected }) => isHealthy && !isEjected).length],
      [{ state: "unhealthy" }, origins.filter(({ isHealthy }) => !isHealthy).length],
      [{ state: "ejected" }, origins.filter(({ isHealthy, isEjected }) => isHealthy && isEjected).length],
    ],
  },
  {
    name: "origin_failures_total",
    help: "Requests to origins that failed or were answered with an error.",
    labels: ["site"],
    isCounter: true,
    read: ({ origins }) => origins.map(({ site, failures }) => [{ site }, failures]),
  },
  {
    name: "origin_retries_total",
    help: "Requests to origins that were made because one before them failed.",
    labels: ["site"],
    isCounter: true,
    read: ({ origins }) => origins.map(({ site, retries }) => [{ site }, retries]),
  },
  {
    name: "error_answers_total",
    help: "Answers 502, 504 and 508 made here.",
    isCounter: true,
    read: ({ edge }) => one(edge.errors),
  },
  {
    name: "sent_bytes_total",
    help: "Body bytes that this Router itself sent to viewers.",
    isCounter: true,
    read: ({ edge }) => one(edge.routerBytes),
  },
];

const STORE: Metric[] = [
  { name: "entries", help: "Stored responses.", read: ({ stored }) => one(stored.entries) },
  { name: "objects", help: "Objects that entries point to.", read: ({ stored }) => one(stored.objects) },
  { name: "shield_objects", help: "Objects in the shield store.", read: ({ stored }) => one(stored.shieldObjects) },
  { name: "shield_bytes", help: "Bytes in the shield store.", read: ({ stored }) => one(stored.shieldBytes) },
  {
    name: "shield_quota_bytes",
    help: "Room in the shield store.",
    read: ({ shieldQuotaBytes }) => one(shieldQuotaBytes),
  },
  { name: "slice_bytes", help: "Bytes of files that are stored in part.", read: ({ slices }) => one(slices.bytes) },
  { name: "slice_parts", help: "Parts of files that are stored in part.", read: ({ slices }) => one(slices.parts) },
  {
    name: "purges_under_way",
    help: "Purges that are not complete yet, of all Routers on this database.",
    read: ({ purgesUnderWay }) => one(purgesUnderWay),
  },
];

const NETWORK: Metric[] = [
  { name: "terminals", help: "Terminals connected here.", read: ({ terminals }) => one(terminals.length) },
  {
    name: "terminals_refusing_saves",
    help: "Connected Terminals that take no new objects now.",
    read: ({ terminals }) => one(terminals.filter(({ refusesSaves }) => refusesSaves).length),
  },
  {
    name: "terminal_utilisation_mean",
    help: "Mean of the Terminals' utilisation; 1 is all they can send.",
    read: ({ terminals }) => (terminals.length === 0 ? [] : one(sum(terminals, "utilisation") / terminals.length)),
  },
  {
    name: "terminal_utilisation_max",
    help: "Highest utilisation of a Terminal.",
    read: ({ terminals }) =>
      terminals.length === 0 ? [] : one(Math.max(...terminals.map(({ utilisation }) => utilisation))),
  },
  {
    name: "terminal_open_transfers",
    help: "Transfers that Terminals report as open.",
    read: ({ terminals }) => one(sum(terminals, "openTransfers")),
  },
  {
    name: "terminal_egress_bytes_per_second",
    help: "What Terminals report to be sending.",
    read: ({ terminals }) => one(sum(terminals, "egressBytesPerSecond")),
  },
  {
    name: "paid_bytes_total",
    help: "Claimed bytes found to be owed.",
    isCounter: true,
    read: ({ paid }) => one(paid.bytes),
  },
  {
    name: "paid_tickets_total",
    help: "Tickets that were paid for.",
    isCounter: true,
    read: ({ paid }) => one(paid.tickets),
  },
  { name: "sites", help: "Sites that are answered for.", read: ({ sites }) => one(sites.count) },
  {
    name: "sites_at_cap",
    help: "Sites that reached their spend cap, by what follows: router-only, stopped.",
    labels: ["state"],
    read: ({ sites }) => [
      [{ state: "router-only" }, sites.routerOnly],
      [{ state: "stopped" }, sites.stopped],
    ],
  },
];

const MACHINE: Metric[] = [
  { name: "live_log_readers", help: "Live logs being read.", read: ({ logs }) => one(logs.readers) },
  {
    name: "access_log_dropped_total",
    help: "Access log records that the disk was too slow for.",
    isCounter: true,
    read: ({ logs }) => one(logs.droppedRecords),
  },
  {
    name: "resident_memory_bytes",
    help: "Memory of the process.",
    read: ({ process }) => one(process.residentBytes),
  },
  {
    name: "cpu_seconds_total",
    help: "Processor time of the process.",
    isCounter: true,
    read: ({ process }) => one(process.cpuSeconds),
  },
  {
    name: "event_loop_lag_seconds",
    help: "Longest delay of the event loop since the last scrape.",
    read: ({ process }) => one(process.eventLoopLagSeconds),
  },
  { name: "uptime_seconds", help: "Time since the start.", read: ({ uptimeSeconds }) => one(uptimeSeconds) },
];

/** Every metric of a Router but the histogram of its answers' times. */
export const METRICS: readonly Metric[] = [...EDGE, ...STORE, ...NETWORK, ...MACHINE];

function sum<K extends "utilisation" | "openTransfers" | "egressBytesPerSecond">(
  terminals: Figures["terminals"],
  field: K,
): number {
  return terminals.reduce((total, terminal) => total + terminal[field], 0);
}
