import { z } from "zod";
import { METRICS_TYPE, type MetricsPage } from "../../metrics/metrics.ts";
import { type Call, defineCall } from "../call.ts";

/** What these calls speak to. */
export interface NetworkCallsDeps {
  /** The figures of the Router. */
  status: () => Promise<object>;
  /** In the Prometheus text format. */
  metrics: MetricsPage;
  /** The OpenAPI document of all calls. */
  document: () => object;
  /** The page of all kinds of problem. */
  problems: () => string;
}

/** Calls about the network as a whole, and about this API. */
export function networkCalls(deps: NetworkCallsDeps): Call[] {
  return [
    defineCall({
      ...{ id: "getStatus", method: "GET", path: "/status", area: "network" },
      summary: "The Router's figures, and the Terminals that are connected",
      ...{ scope: "terminals:read", reach: "network" },
      answers: { 200: { description: "counters since the Router started", schema: z.looseObject({}) } },
      handle: async () => ({ json: await deps.status() }),
    }),
    defineCall({
      ...{ id: "getMetrics", method: "GET", path: "/metrics", area: "network" },
      summary: "The Router's metrics for Prometheus, also at /metrics",
      ...{ scope: "metrics:read", reach: "network" },
      answers: { 200: { description: "text format 0.0.4", form: "text/plain" } },
      handle: async () => ({ text: { type: METRICS_TYPE, content: await deps.metrics() } }),
    }),
    defineCall({
      ...{ id: "getDocument", method: "GET", path: "/openapi.json", area: "network" },
      summary: "This API as an OpenAPI 3.1 document",
      ...{ scope: "public", reach: "network", isVersioned: true },
      answers: { 200: { description: "the document", schema: z.looseObject({ openapi: z.string() }) } },
      handle: () => ({ json: deps.document() }),
    }),
    defineCall({
      ...{ id: "getProblems", method: "GET", path: "/problems", area: "network" },
      summary: "What each kind of problem means, as a page",
      ...{ scope: "public", reach: "network" },
      answers: { 200: { description: "a page with one anchor per code", form: "text/html" } },
      handle: () => ({ text: { type: "text/html", content: deps.problems() } }),
    }),
  ];
}
