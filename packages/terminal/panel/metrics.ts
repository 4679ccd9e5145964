import { Counter, Gauge, Registry } from "prom-client";
import { METRICS } from "./metric-table.ts";
import type { Status } from "./status.ts";
import type { ReadStatus } from "./status-of.ts";

const PREFIX = "neson_terminal_";

/** The metrics page. */
export interface Metrics {
  answer(): Promise<Response>;
}

/** Metrics of one Terminal in the Prometheus text format 0.0.4, read from the status at each scrape. */
export function createMetrics(readStatus: ReadStatus): Metrics {
  const registry = new Registry();
  let status: Status | undefined;
  for (const { name, help, labels = [], read, isCounter } of METRICS) {
    const common = { name: `${PREFIX}${name}`, help, labelNames: labels, registers: [registry] };
    // A metric without labels starts at 0, which is not the same as not known: it is removed and only then set.
    const samples = () => (status === undefined ? [] : read(status));
    if (isCounter) {
      new Counter({
        ...common,
        collect() {
          this.reset();
          if (labels.length === 0) this.remove();
          for (const [given, value] of samples()) this.inc(given, value);
        },
      });
    } else {
      new Gauge({
        ...common,
        collect() {
          this.reset();
          if (labels.length === 0) this.remove();
          for (const [given, value] of samples()) this.set(given, value);
        },
      });
    }
  }
  return {
    answer: async () => {
      status = readStatus();
      return new Response(await registry.metrics(), { headers: { "Content-Type": registry.contentType } });
    },
  };
}
