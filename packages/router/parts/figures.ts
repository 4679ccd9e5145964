import { createStatus } from "../api/status.ts";
import type { Meter } from "../meter/meter.ts";
import { watchLoopLag } from "../metrics/loop-lag.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { type FiguresDeps, readFigures } from "../metrics/read-figures.ts";
import type { Registry } from "../registry/registry.ts";
import type { Traffic } from "../traffic/open-traffic.ts";
import type { Storage } from "./storage.ts";

/** What the figures of a whole Router are read from. */
export type OpenFiguresDeps = Omit<FiguresDeps, "lag"> &
  Storage & { registry: Registry; meter: Meter; traffic: Traffic };

/** A Router's figures, for its operator as `status` and for Prometheus as `metrics`. */
export function openFigures(deps: OpenFiguresDeps, parts: AsyncDisposableStack) {
  const { shield, catalog, edge, traffic } = deps;
  const lag = parts.use(watchLoopLag());
  const figures = readFigures({ shieldQuotaBytes: shield.maxBytes }, { ...deps, lag });
  return {
    status: createStatus({ ...deps, counters: () => edge.stats, stored: () => catalog.stored() }),
    metrics: createMetrics({ figures, latencies: traffic.latencies }),
  };
}
