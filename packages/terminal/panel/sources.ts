import type { Hardware } from "@neson/protocol/hardware";
import type { Release } from "@neson/protocol/release";
import type { Standing } from "@neson/protocol/standing";
import type { StoredObjectSummary } from "../store/popular.ts";
import type { TrafficReading } from "./traffic.ts";

/** Which Terminal this is; nothing of it changes while it runs. */
export interface PanelIdentity {
  terminalId: string;
  /** URL that viewers reach it at. */
  endpoint: string;
  version: string;
  dataDir: string;
  routerUrl: string;
  startedAtMs: number;
}

/** Whether a Router has this Terminal in, and why one did not let it in the last time. */
export interface ConnectionState {
  isConnected: boolean;
  /** The last `refused`, or what went wrong on the way to the Router; absent when nothing has. */
  lastRefusal?: { code: string; message: string; atMs: number };
}

/** How busy the machine is now. */
export interface LoadState {
  openTransfers: number;
  /** Connections of viewers, idle ones included. */
  connections: number;
  /** Body bytes. */
  egressBytesPerSecond: number;
  /** Share of all cores in use, 0 to 1. */
  cpuLoad: number;
  freeMemoryBytes: number;
}

/** The store as it is now. */
export interface StorageState {
  quotaBytes: number;
  usedBytes: number;
  /** By quota and by disk, whichever is less. */
  remainingBytes: number;
  /** In any state. */
  objects: number;
  partialObjects: number;
  /** Not read yet since the start, so not served yet. */
  uncheckedObjects: number;
  /** Why no new object can be saved; absent while saves are welcome. */
  refusesSaves?: "disk-full" | "disk-read-only" | "disk-gone" | "draining";
  /** Held in memory, and the most that may be. */
  memoryBytes: number;
  memoryBudgetBytes: number;
}

/** What the panel reads. Each is called about once a second while somebody looks, and must be cheap; `popular` every few seconds. */
export interface PanelSources {
  identity(): PanelIdentity;
  connection(): ConnectionState;
  load(): LoadState;
  traffic: TrafficReading;
  storage(): StorageState;
  /** The most asked for first, at most `limit`. */
  popular(limit: number): StoredObjectSummary[];
  /** What the Router last said; undefined before it has said anything. */
  standing(): Standing | undefined;
  /** A version that the Router announced; it may be the one that runs. */
  release(): Release | undefined;
  hardware(): Hardware;
  /** Served over TLS: when the certificate ends. */
  certificate?(): { expiresAtMs: number } | undefined;
  /** By how much this machine's clock is ahead of the Router's, in milliseconds; undefined before it was compared. */
  clockOffsetMs?(): number | undefined;
}

/** What the panel, and the commands that speak to it, may have done. */
export interface PanelActions {
  /** Resolves once nobody is being served any more and the claims are settled; the process ends by itself afterwards. */
  leave(): Promise<void>;
  setQuota(bytes: number): void;
  /** The operator agrees to run that version; it must be the one announced. */
  consentToUpdate(version: string): void;
  /** Deletes every object and lends nothing until a quota is set again, or the next start. */
  withdrawStorage(): Promise<{ freedBytes: number }>;
}
