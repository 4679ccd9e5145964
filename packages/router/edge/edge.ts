import type { Clock } from "@neson/kit/clock";
import type { Answer, EdgeRequest, Handle } from "@neson/kit/http/answer";
import type { Log } from "@neson/kit/log";
import type { Catalog, CatalogEntry } from "../catalog/catalog.ts";
import type { Shield } from "../catalog/shield.ts";
import { Flights } from "../origin/flights.ts";
import { createOriginClient, DEFAULT_ORIGIN_OPTIONS, type OriginOptions } from "../origin/origin-client.ts";
import type { Resolve } from "../origin/resolver.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { DEFAULT_POLICY, type PolicyOptions, plan } from "../policy/plan.ts";
import type { Sites } from "../sites/site.ts";
import type { Steering } from "../steer/steering.ts";
import type { EdgeParts, Exchange, Outcome } from "./exchange.ts";
import { plainAnswer } from "./failure.ts";
import { answerStored } from "./hit.ts";
import { miss } from "./miss.ts";
import { pass } from "./pass.ts";
import { revalidate } from "./revalidate.ts";
import { createEdgeStats, type EdgeStats } from "./stats.ts";
import { Trace } from "./trace.ts";

/** Settings of the edge. */
export interface EdgeOptions {
  /** Scheme of the URLs at which viewers reach this Router. */
  edgeScheme: "http" | "https";
  /** Larger bodies are passed through and not stored. Never more than the shield's quota. */
  maxObjectBytes: number;
  policy?: PolicyOptions;
  origin?: Partial<OriginOptions>;
}

/** What the edge works with. */
export interface EdgeDeps {
  sites: Pick<Sites, "byHost">;
  catalog: Catalog;
  shield: Shield;
  steering: Steering;
  clock: Clock;
  log: Log;
  /** How origin names become addresses; the system's way when absent. */
  resolve?: Resolve;
}

/** The Router's data path. */
export interface Edge extends AsyncDisposable {
  /** Answers one request; synchronously for a hit whose entry (and bytes, if it answers itself) are in memory. */
  handle: Handle;
  /** Live counters. */
  readonly stats: Readonly<EdgeStats>;
}

/**
 * The edge as a closed state machine: a request finds its site and what is stored for it, `plan()` decides, and one function per kind of plan
 * carries it out. Disposing cuts off origin requests that are under way; stop the listener first.
 */
export function createEdge(options: EdgeOptions, deps: EdgeDeps): Edge {
  const { catalog, shield, steering, clock, log, sites } = deps;
  const { edgeScheme, policy = DEFAULT_POLICY } = options;
  const stats = createEdgeStats();
  const origin = createOriginClient(
    { ...DEFAULT_ORIGIN_OPTIONS, ...options.origin },
    {
      clock,
      onRequest: () => {
        stats.originRequests += 1;
      },
      ...(deps.resolve === undefined ? {} : { resolve: deps.resolve }),
    },
  );
  const maxObjectBytes = Math.min(options.maxObjectBytes, shield.maxBytes);
  const flights = new Flights(
    { policy, edgeScheme, maxObjectBytes },
    { origin, catalog, shield, steering, clock, log },
  );
  const parts: EdgeParts = {
    ...{ catalog, shield, steering, origin, flights, clock, log, stats, edgeScheme },
    countSent: (bodyBytes) => {
      stats.routerBytes += bodyBytes;
    },
  };
  return {
    handle: (request) => receive(request, sites, parts),
    stats,
    [Symbol.asyncDispose]: async () => {
      await flights[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

function receive(request: EdgeRequest, sites: EdgeDeps["sites"], parts: EdgeParts): Outcome {
  parts.stats.requests += 1;
  const site = sites.byHost(hostnameOf(request.host));
  if (site === undefined) return unknownHost(request);
  const x: Exchange = { request, site, parts, nowMs: parts.clock.nowMs(), trace: new Trace() };
  const { method } = request;
  // A GET with content means something only its origin knows (RFC 9110 9.3.1).
  if ((method !== "GET" && method !== "HEAD") || hasContent(request)) return pass(x, "method");
  const found = parts.catalog.find(site.name, request.target, request.headers);
  return found instanceof Promise ? decideLater(x, found) : decide(x, found);
}

async function decideLater(x: Exchange, finding: Promise<CatalogEntry | undefined>): Promise<Answer> {
  const found = await finding;
  // What was committed while the database was read is in memory by now.
  return decide(x, found ?? (await x.parts.catalog.find(x.site.name, x.request.target, x.request.headers)));
}

function decide(x: Exchange, entry: CatalogEntry | undefined): Outcome {
  const decision = plan(x.request, entry, x.nowMs);
  switch (decision.kind) {
    case "hit": {
      if (entry === undefined) throw impossible(decision.kind);
      x.parts.stats.hits += 1;
      x.trace.outcome = decision.stale ? "stale" : "hit";
      const status = cacheStatus({ hit: true, ttl: decision.freshSeconds });
      return answerStored(x, entry, status, decision.ageSeconds);
    }
    case "revalidate":
      if (entry === undefined) throw impossible(decision.kind);
      return revalidate(x, entry, decision);
    case "miss":
      return miss(x, decision);
    case "pass":
      return pass(x, decision.fwd);
    default:
      throw impossible((decision satisfies never as { kind: string }).kind);
  }
}

function impossible(kind: string): Error {
  return new Error(`the plan was "${kind}", which cannot be for what is stored`);
}

function unknownHost(request: EdgeRequest): Answer {
  const named =
    request.host === "" ? "the request names no host" : `no site answers to the host name ${hostnameOf(request.host)}`;
  return plainAnswer(404, named, "fwd=bypass; detail=unknown-host");
}

function hasContent({ headers }: EdgeRequest): boolean {
  const length = headers["content-length"];
  return (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined;
}

/** The Host field without its port; an IPv6 literal keeps its brackets. */
function hostnameOf(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon < 0 || host.endsWith("]") ? host : host.slice(0, colon);
}
