import { TRACKS } from "@neson/protocol/standing";
import { OUTCOMES } from "./outcomes.ts";
import type { Status } from "./status.ts";

const LEVELS = ["info", "warning", "error"] as const;
const OBJECT_STATES = ["whole", "partial", "unchecked"] as const;
const REFUSALS = ["disk-full", "disk-read-only", "disk-gone", "draining"] as const;

/** One sample: label values, and the figure. */
type Sample = [labels: Record<string, string>, value: number];
/** What a metric says of a status; no sample for what is not known. */
type Read = (status: Status) => Sample[];

/** One metric: its name after `neson_terminal_`, and how it is read. */
export interface Metric {
  /** With its unit, as Prometheus' naming practices want it; counters end in `_total`. */
  name: string;
  help: string;
  labels?: string[];
  isCounter?: boolean;
  read: Read;
}

function one(value: number | undefined): Sample[] {
  return value === undefined ? [] : [[{}, value]];
}

const TRAFFIC: Metric[] = [
  {
    name: "answers_total",
    help: "Requests answered since the start, by outcome: memory, disk, fill, sent-back, refused.",
    labels: ["outcome"],
    isCounter: true,
    read: ({ traffic }) => OUTCOMES.map((outcome) => [{ outcome }, traffic.totals.answers[outcome]]),
  },
  {
    name: "sent_bytes_total",
    help: "Body bytes sent since the start, by outcome of their request.",
    labels: ["outcome"],
    isCounter: true,
    read: ({ traffic }) => OUTCOMES.map((outcome) => [{ outcome }, traffic.totals.bytes[outcome]]),
  },
  { name: "open_transfers", help: "Answers being sent now.", read: ({ load }) => one(load.openTransfers) },
  {
    name: "connections",
    help: "Connections of viewers, idle ones included.",
    read: ({ load }) => one(load.connections),
  },
];

const STORAGE: Metric[] = [
  { name: "storage_quota_bytes", help: "Room for objects in all.", read: ({ storage }) => one(storage.quotaBytes) },
  { name: "storage_used_bytes", help: "Room taken by objects.", read: ({ storage }) => one(storage.usedBytes) },
  {
    name: "storage_remaining_bytes",
    help: "Room for further objects, by quota and by disk.",
    read: ({ storage }) => one(storage.remainingBytes),
  },
  {
    name: "objects",
    help: "Objects by state: whole (served), partial (being filled), unchecked (not read yet since the start).",
    labels: ["state"],
    read: ({ storage }) => OBJECT_STATES.map((state) => [{ state }, objectsIn(state, storage)]),
  },
  {
    name: "saves_refused",
    help: "1 for the reason why no new object can be saved, 0 for every other.",
    labels: ["reason"],
    read: ({ storage }) => REFUSALS.map((reason) => [{ reason }, storage.refusesSaves === reason ? 1 : 0]),
  },
  { name: "memory_cache_bytes", help: "Objects held in memory.", read: ({ storage }) => one(storage.memoryBytes) },
  {
    name: "memory_cache_budget_bytes",
    help: "Most that may be held in memory.",
    read: ({ storage }) => one(storage.memoryBudgetBytes),
  },
];

const STANDING: Metric[] = [
  {
    name: "router_connected",
    help: "1 while a Router has this Terminal in.",
    read: ({ connection }) => one(connection.isConnected ? 1 : 0),
  },
  {
    name: "track_score",
    help: "Score of each track, as the Router says: grows with failed checks; at its limit the consequence follows.",
    labels: ["track"],
    read: ({ standing }) => byTrack(standing, ({ score }) => score),
  },
  {
    name: "track_limit",
    help: "Limit of each track's score.",
    labels: ["track"],
    read: ({ standing }) => byTrack(standing, ({ limit }) => limit),
  },
  {
    name: "track_checks",
    help: "Checks that the Router counts on each track.",
    labels: ["track"],
    read: ({ standing }) => byTrack(standing, ({ checks }) => checks),
  },
  {
    name: "track_failures",
    help: "Checks that went wrong, of those the Router counts on each track.",
    labels: ["track"],
    read: ({ standing }) => byTrack(standing, ({ failures }) => failures),
  },
  {
    name: "paid_bytes_total",
    help: "Body bytes that the Router has accepted for pay since the beginning.",
    isCounter: true,
    read: ({ standing }) => one(standing?.totalPaidBytes),
  },
  {
    name: "day_paid_bytes",
    help: "Body bytes accepted for pay on the latest UTC day that the Router reports.",
    read: ({ standing }) => one(standing?.earnings[0]?.paidBytes),
  },
  {
    name: "day_refused_bytes",
    help: "Body bytes claimed and not paid on the latest UTC day that the Router reports.",
    read: ({ standing }) => one(standing?.earnings[0]?.refusedBytes),
  },
];

const MACHINE: Metric[] = [
  {
    name: "info",
    help: "Always 1; which Terminal this is, which version it runs and on what.",
    labels: ["terminal_id", "version", "platform"],
    read: ({ identity, hardware }) => [
      [{ terminal_id: identity.terminalId, version: identity.version, platform: hardware.platform }, 1],
    ],
  },
  {
    name: "start_time_seconds",
    help: "When the process started, Unix time.",
    read: ({ identity }) => one(identity.startedAtMs / 1000),
  },
  {
    name: "certificate_expiry_timestamp_seconds",
    help: "When the TLS certificate ends, Unix time; absent without TLS.",
    read: ({ certificate }) => one(certificate === undefined ? undefined : certificate.expiresAtMs / 1000),
  },
  { name: "cpu_load_ratio", help: "Share of all cores in use, 0 to 1.", read: ({ load }) => one(load.cpuLoad) },
  {
    name: "free_memory_bytes",
    help: "Memory that the machine has free.",
    read: ({ load }) => one(load.freeMemoryBytes),
  },
  {
    name: "resident_memory_bytes",
    help: "Memory that this process holds.",
    read: () => one(process.memoryUsage.rss()),
  },
  {
    name: "cpu_seconds_total",
    help: "Processor time of this process.",
    isCounter: true,
    read: () => one((process.cpuUsage().user + process.cpuUsage().system) / 1e6),
  },
  {
    name: "warnings",
    help: "Warnings that the panel shows, by level.",
    labels: ["level"],
    read: ({ warnings }) =>
      LEVELS.map((level) => [{ level }, warnings.filter((warning) => warning.level === level).length]),
  },
  {
    name: "warning",
    help: "1 for each warning that the panel shows.",
    labels: ["code", "level"],
    read: ({ warnings }) => warnings.map(({ code, level }) => [{ code, level }, 1]),
  },
];

/** Every metric of a Terminal, in the order of the page. */
export const METRICS: Metric[] = [...TRAFFIC, ...STORAGE, ...STANDING, ...MACHINE];

function byTrack(
  standing: Status["standing"],
  read: (track: NonNullable<Status["standing"]>["tracks"]["corrupt"]) => number,
): Sample[] {
  return standing === undefined ? [] : TRACKS.map((track) => [{ track }, read(standing.tracks[track])]);
}

function objectsIn(state: (typeof OBJECT_STATES)[number], storage: Status["storage"]): number {
  const { objects, partialObjects, uncheckedObjects } = storage;
  if (state === "partial") return partialObjects;
  if (state === "unchecked") return uncheckedObjects;
  return Math.max(0, objects - partialObjects - uncheckedObjects);
}
