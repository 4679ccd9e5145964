import { Counter, Gauge, Registry } from "prom-client";
import { LATENCY_BOUNDS, type Latencies } from "../traffic/latencies.ts";
import { type Figures, METRICS, type Metric } from "./metric-table.ts";

const PREFIX = "neson_router_";
const HISTOGRAM = `${PREFIX}answer_seconds`;

/** Media type of the Prometheus text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4";

/** The metrics page, in the Prometheus text format 0.0.4. */
export type MetricsPage = () => Promise<string>;

/** Metrics of one Router, read from their sources at each scrape. */
export function createMetrics(deps: { figures: () => Promise<Figures>; latencies: Latencies }): MetricsPage {
  const registry = new Registry();
  let figures: Figures | undefined;
  for (const metric of METRICS) register(metric, registry, () => (figures === undefined ? [] : metric.read(figures)));
  return async () => {
    figures = await deps.figures();
    return `${await registry.metrics()}${histogram(deps.latencies)}`;
  };
}

function register(metric: Metric, registry: Registry, samples: () => ReturnType<Metric["read"]>): void {
  const { name, help, labels = [], isCounter } = metric;
  const common = { name: `${PREFIX}${name}`, help, labelNames: labels, registers: [registry] };
  // A metric without labels starts at 0, which is not the same as not known: it is removed and only then set.
  if (isCounter) {
    new Counter({
      ...common,
      collect() {
        this.reset();
        if (labels.length === 0) this.remove();
        for (const [given, value] of samples()) this.inc(given, value);
      },
    });
    return;
  }
  new Gauge({
    ...common,
    collect() {
      this.reset();
      if (labels.length === 0) this.remove();
      for (const [given, value] of samples()) this.set(given, value);
    },
  });
}

/** The times of answers; written by hand, because the library's histograms cannot be set to what was counted elsewhere. */
function histogram(latencies: Latencies): string {
  const lines = [
    `# HELP ${HISTOGRAM} From a request's arrival to its answer's header section, by outcome.`,
    `# TYPE ${HISTOGRAM} histogram`,
  ];
  for (const [outcome, { cumulative, sumSeconds }] of latencies.entries()) {
    cumulative.forEach((count, at) => {
      lines.push(`${HISTOGRAM}_bucket{le="${LATENCY_BOUNDS[at] ?? "+Inf"}",outcome="${outcome}"} ${count}`);
    });
    lines.push(`${HISTOGRAM}_sum{outcome="${outcome}"} ${sumSeconds}`);
    lines.push(`${HISTOGRAM}_count{outcome="${outcome}"} ${cumulative.at(-1) ?? 0}`);
  }
  return `${lines.join("\n")}\n`;
}
