import { METRICS_TYPE, type MetricsPage } from "../metrics/metrics.ts";
import { AddressSet } from "../rules/address-set.ts";
import type { Connection, Dispatch } from "./dispatch.ts";

/** What `/metrics` is answered with, and to whom without a key. */
export interface MetricsDeps {
  page: MetricsPage;
  /** Addresses and networks. */
  from: readonly string[];
}

/** Answers `/metrics`, where Prometheus looks by default: at once for allowed addresses, for others as the call of the control API. */
export function metricsAnswerer({ page, from }: MetricsDeps, api: Dispatch) {
  const allowed = new AddressSet(from);
  return async (request: Request, connection: Connection): Promise<Response> => {
    if (!allowed.has(connection.address) || !["GET", "HEAD"].includes(request.method)) {
      const { method, headers } = request;
      return await api(new Request(new URL("/api/v1/metrics", request.url).href, { method, headers }), connection);
    }
    const headers = { "Content-Type": `${METRICS_TYPE}; charset=utf-8`, "Cache-Control": "no-store" };
    return new Response(request.method === "HEAD" ? null : await page(), { headers });
  };
}
