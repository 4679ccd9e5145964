import { createHash } from "node:crypto";
import type { Standing } from "@neson/protocol/standing";
import type { StoredObjectSummary } from "../../store/popular.ts";
import { noCounts } from "../outcomes.ts";
import type { PanelSources, StorageState } from "../sources.ts";
import type { DayTraffic } from "../traffic-days.ts";

/** What a test may set otherwise. */
export interface SourceChanges extends Partial<PanelSources> {}

const DAY_MS = 86_400_000;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const SITES = [
  "video.example.com",
  "cdn.fables.example",
  "games.example.net",
  "mirror.example.org",
  "radio.example.fm",
];

/** Sources of a busy Terminal at home, the same at every call with the same time; for tests and screenshots of the panel. */
export function realisticSources(nowMs: () => number, changes: SourceChanges = {}): PanelSources {
  const startedAtMs = nowMs() - 2 * DAY_MS - 5_400_000;
  const objects = someObjects(140, nowMs());
  const listedBytes = objects.reduce((sum, { size }) => sum + size, 0);
  return {
    identity: () => ({
      terminalId: "7d1c0e4be01f2a9637d4f81f0d97f3f8a1f6c7b9d2e5340896b7c1d2e3f40516",
      endpoint: "https://t1.example.net:8443",
      version: "0.4.0",
      dataDir: "/var/lib/neson/terminal",
      routerUrl: "https://router.example.com",
      startedAtMs,
    }),
    connection: () => ({ isConnected: true }),
    load: () => ({
      openTransfers: 38,
      connections: 164,
      egressBytesPerSecond: 61 * MIB,
      cpuLoad: 0.23,
      freeMemoryBytes: 5 * GIB,
    }),
    traffic: {
      totals: () => {
        const counts = noCounts();
        counts.answers.memory = 812_345;
        counts.bytes.memory = 3_210_987_654_321;
        return counts;
      },
      recent: () => recentSeconds(Math.floor(nowMs() / 1000)),
      days: () => someDays(nowMs()),
    },
    storage: () => storageOf(objects.length, listedBytes),
    popular: (limit) => objects.slice(0, limit),
    standing: () => someStanding(nowMs()),
    release: () => undefined,
    hardware: () => ({
      platform: "linux-x64",
      cpuModel: "AMD Ryzen 5 5600G",
      cpuCores: 12,
      memoryBytes: 16 * GIB,
      disk: {
        kind: "ssd",
        totalBytes: 931 * GIB,
        freeBytes: 402 * GIB,
        readBytesPerSecond: 2300 * MIB,
        writeBytesPerSecond: 1450 * MIB,
      },
      linkBitsPerSecond: 1e9,
      isSmall: false,
    }),
    ...changes,
  };
}

function storageOf(listedCount: number, listedBytes: number): StorageState {
  const usedBytes = listedBytes + 24 * GIB;
  return {
    quotaBytes: 200 * GIB,
    usedBytes,
    remainingBytes: 200 * GIB - usedBytes,
    objects: listedCount + 8210,
    partialObjects: 4,
    uncheckedObjects: 0,
    memoryBytes: 221 * MIB,
    memoryBudgetBytes: 256 * MIB,
  };
}

function someObjects(count: number, nowMs: number): StoredObjectSummary[] {
  return Array.from({ length: count }, (_, i) => {
    const objectId = createHash("sha256").update(`object ${i}`).digest("hex");
    const luck = Number.parseInt(objectId.slice(0, 4), 16) / 65_536;
    return {
      objectId,
      size: Math.round((0.03 + luck ** 5 * 5) * GIB),
      site: SITES[Math.floor(Number.parseInt(objectId.slice(4, 8), 16) / (65_536 / SITES.length))] ?? "",
      requestCount: Math.round(48_000 / (i + 1) ** 0.9),
      lastUsedAtMs: nowMs - Math.round(luck * (i + 1) * 90_000),
      state: i % 37 === 5 ? "partial" : "whole",
    };
  });
}

/** From 0 to 1, the same for the same number. */
function noise(seed: number): number {
  return createHash("md5").update(String(seed)).digest().readUInt16BE() / 65_535;
}

function recentSeconds(second: number) {
  const seconds = Array.from({ length: 600 }, (_, i) => second - 600 + i);
  const answers = seconds.map((at) =>
    Math.round(210 + 90 * Math.sin(at / 97) + 34 * Math.sin(at / 29) + 9 * noise(at)),
  );
  return {
    answers,
    hits: answers.map((count) => Math.round(count * 0.978)),
    bytes: answers.map((count, i) => Math.round(count * (0.24 + 0.03 * noise(i + second)) * MIB)),
  };
}

function someDays(nowMs: number): DayTraffic[] {
  return Array.from({ length: 43 }, (_, i) => {
    const atMs = nowMs - (42 - i) * DAY_MS;
    const busy = (0.5 + i / 60 + 0.35 * Math.sin(i * 0.9) ** 2) * (i === 42 ? 0.62 : 1) * (i === 19 ? 0.12 : 1);
    const counts = noCounts();
    counts.answers = split(busy * 5_400_000, [0.71, 0.258, 0.021, 0.009, 0.002]);
    counts.bytes = split(busy * 1400 * GIB, [0.52, 0.44, 0.04, 0, 0]);
    return { day: new Date(atMs).toISOString().slice(0, 10), ...counts };
  });
}

function split(total: number, [memory = 0, disk = 0, fill = 0, back = 0, refused = 0]: number[]) {
  const part = (share: number) => Math.round(total * share);
  return { memory: part(memory), disk: part(disk), fill: part(fill), "sent-back": part(back), refused: part(refused) };
}

function someStanding(nowMs: number): Standing {
  const days = someDays(nowMs).reverse();
  return {
    tracks: {
      corrupt: {
        checks: 18_204,
        failures: 0,
        score: 0,
        limit: 6,
        consequence: "no new placements, and a case",
        reasons: [],
      },
      unknown: {
        checks: 18_204,
        failures: 3,
        score: 1.4,
        limit: 6,
        consequence: "placements are halved",
        reasons: ["21 Nov, 04:12: object 9f2c41d0 was not there; it was asked for again and came 3 s later"],
      },
      offline: {
        checks: 86_400,
        failures: 212,
        score: 7.1,
        limit: 12,
        consequence: "no tickets for an hour",
        reasons: [
          "22 Nov, 19:40: silent for 48 s; look at the link's own log around that time",
          "20 Nov, 02:13: silent for 164 s",
        ],
      },
    },
    earnings: days.map(({ day, bytes }, i) => {
      const all = bytes.memory + bytes.disk + bytes.fill;
      return { day, paidBytes: Math.round(all * 0.985), refusedBytes: Math.round(all * (i === 6 ? 0.14 : 0.004)) };
    }),
    refusals: ["claimed after the ticket's epoch had closed (the clock was 40 s behind)"],
    totalPaidBytes: days.reduce((sum, { bytes }) => sum + bytes.memory + bytes.disk + bytes.fill, 0),
  };
}
