import { describeError, NesonError } from "@neson/kit/error";
import type { HttpServer } from "@neson/kit/http/server";
import type { Log } from "@neson/kit/log";
import type { TlsFiles } from "@neson/kit/wire/tls-files";
import type { Hardware } from "@neson/protocol/hardware";
import type { Release } from "@neson/protocol/release";
import type { Standing } from "@neson/protocol/standing";
import type { TerminalConfig } from "./config.ts";
import type { Departure } from "./control/departure.ts";
import type { Kept } from "./control/kept.ts";
import type { Load } from "./control/load.ts";
import type { RouterTime } from "./control/router-time.ts";
import type { Routers } from "./control/routers.ts";
import type { PanelActions, PanelIdentity, PanelSources } from "./panel/sources.ts";
import type { Traffic } from "./panel/traffic.ts";
import type { MemoryCache } from "./store/memory-cache.ts";
import type { ObjectStore } from "./store/object-store.ts";

/** The parts that the panel shows and moves. */
export interface PanelParts {
  identity: PanelIdentity;
  config: TerminalConfig;
  store: ObjectStore;
  memory: MemoryCache;
  traffic: Traffic;
  load: Load;
  server: HttpServer;
  routers: Pick<Routers, "state">;
  time: Pick<RouterTime, "offsetMs">;
  departure: Departure;
  standing: Kept<Standing>;
  release: Kept<Release>;
  hardware: Hardware;
  tls: TlsFiles | undefined;
  installUpdate: (() => Promise<void>) | undefined;
  log: Log;
}

/** What the panel reads, from the parts of a running Terminal. */
export function panelSources(parts: PanelParts): PanelSources {
  const { identity, config, store, memory, traffic, load, server, routers, time, standing, release, hardware, tls } =
    parts;
  return {
    identity: () => identity,
    connection: () => routers.state,
    load: () => ({ ...load.read(), openTransfers: server.openTransfers(), connections: server.connections() }),
    traffic,
    storage: () => {
      const { refusesSaves } = store;
      return {
        ...storeCounts(store),
        memoryBytes: memory.usedBytes,
        memoryBudgetBytes: config.memoryBytes,
        ...(refusesSaves === undefined ? {} : { refusesSaves }),
      };
    },
    popular: (limit) => store.popular(limit),
    standing: () => standing.value,
    release: () => release.value,
    hardware: () => hardware,
    clockOffsetMs: () => time.offsetMs,
    certificate: () => (tls === undefined ? undefined : { expiresAtMs: tls.expiresAtMs }),
  };
}

/** What the panel can have done. */
export function panelActions({ store, departure, release, installUpdate, log }: PanelParts): PanelActions {
  return {
    consentToUpdate: (version) => {
      const announced = release.value;
      if (announced?.version !== version) {
        const found = announced === undefined ? "nothing" : `version ${announced.version}`;
        throw new NesonError("not-announced", `update: found ${found} announced, asked for ${version}`, {
          fault: "caller",
        });
      }
      if (installUpdate === undefined) {
        const message =
          "update: this Terminal runs from source, allowed: an installed program; update a source tree with git pull";
        throw new NesonError("runs-from-source", message, { fault: "caller" });
      }
      installUpdate().catch((error) => log.error({ err: error }, `updating failed: ${describeError(error)}`));
    },
    leave: () => departure.leave(),
    setQuota: (bytes) => store.setQuota(bytes),
    withdrawStorage: async () => {
      const before = store.usedBytes;
      // Or the Router would fill again what its operator wants back.
      store.setQuota(0);
      for (const object of [...store.all()]) store.remove(object);
      return { freedBytes: before - store.usedBytes };
    },
  };
}

function storeCounts(store: ObjectStore) {
  const { quotaBytes, usedBytes, remainingBytes } = store;
  const { objects, partialObjects, uncheckedObjects } = store.stats();
  return { quotaBytes, usedBytes, remainingBytes, objects, partialObjects, uncheckedObjects };
}
