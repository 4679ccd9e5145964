import type { Clock } from "@neson/kit/clock";
import type { Answer, EdgeRequest, Handle } from "@neson/kit/http/answer";
import { answerOfError } from "@neson/kit/http/failure";
import type { Log } from "@neson/kit/log";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogEntry } from "../catalog/entry.ts";
import type { Shield } from "../catalog/shield.ts";
import { CodedBodies } from "../compress/coded-bodies.ts";
import { isUnavailable } from "../db/database-trouble.ts";
import { type Locate, openGeo } from "../geo/locate.ts";
import { Flights } from "../origin/flights.ts";
import { OriginChecks } from "../origin/origin-checks.ts";
import { createOriginClient } from "../origin/origin-client.ts";
import { type OriginFigures, OriginHealth } from "../origin/origin-health.ts";
import { DEFAULT_ORIGIN_OPTIONS, type OriginOptions } from "../origin/origin-options.ts";
import type { Resolve } from "../origin/resolver.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { plan } from "../policy/plan.ts";
import type { TrustedProxies } from "../rules/client-address.ts";
import { createRules } from "../rules/rules.ts";
import { ViewedRequest } from "../rules/viewed-request.ts";
import type { Site, Sites } from "../sites/site.ts";
import { salvage } from "../slices/salvage.ts";
import type { SliceStore } from "../slices/slice-store.ts";
import { createSlices } from "../slices/slices.ts";
import type { Steering } from "../steer/steering.ts";
import type { EdgeParts, Exchange, Outcome } from "./exchange.ts";
import { capReached, plainAnswer } from "./failure.ts";
import { headStale } from "./head.ts";
import { answerStored } from "./hit.ts";
import { countedDown } from "./max-forwards.ts";
import { miss } from "./miss.ts";
import { pass } from "./pass.ts";
import { type Prefetched, prefetch } from "./prefetch.ts";
import { renew, revalidate } from "./revalidate.ts";
import { keyed, withoutListed } from "./seen.ts";
import { TRACE_FIELD, withTrace } from "./shown-trace.ts";
import { createEdgeStats, type EdgeStats } from "./stats.ts";
import { Trace } from "./trace.ts";
import { asksForWebSocket, tunnel } from "./tunnel.ts";

/** Memory for what was compressed. */
const CODED_MEMORY_BYTES = 64 * 1_048_576;

/** Settings of the edge. */
export interface EdgeOptions {
  /** Scheme of the URLs at which viewers reach this Router. */
  edgeScheme: "http" | "https";
  /** Larger bodies are passed through and not stored. Never more than the shield's quota. */
  maxObjectBytes: number;
  origin?: Partial<OriginOptions>;
  /** Proxies of the operator before this Router, which say who the client is; none when absent. */
  trustedProxies?: TrustedProxies | undefined;
}

/** What the edge works with. */
export interface EdgeDeps {
  sites: Pick<Sites, "byHost" | "list">;
  catalog: Catalog;
  shield: Shield;
  /** What is stored of files in part. */
  slices: SliceStore;
  steering: Steering;
  clock: Clock;
  log: Log;
  /** How origin names become addresses; the system's way when absent. */
  resolve?: Resolve;
  /** Where addresses are; by the built-in table when absent. */
  locate?: Locate;
  /** Told of every answer of a site, which it may make report to it; nobody when absent. */
  observe?: EdgeParts["observe"];
  /** How a site may be served within its spend cap; always open when absent. */
  spendStateOf?: EdgeParts["spendStateOf"];
  /** Whose key lets them see how requests are decided; nobody's when absent. */
  mayTrace?: EdgeParts["mayTrace"];
}

/** The Router's data path. */
export interface Edge extends AsyncDisposable {
  /** Answers one request; synchronously for a hit whose entry (and bytes, if it answers itself) are in memory. */
  handle: Handle;
  /** Resolves when the pulls of a site that are under way now are over. */
  pullsOver(site: string): Promise<void>;
  /** Pulls a target for the site's owner. */
  prefetch(site: Site, target: string): Promise<Prefetched>;
  /** Drops what was made of objects whose bytes are to go. */
  dropCoded(objectIds: readonly string[]): void;
  /** How a site's origins do. */
  originsOf(site: Site): OriginFigures[];
  /** Live counters. */
  readonly stats: Readonly<EdgeStats>;
}

/**
 * The edge as a closed state machine: a request finds its site and what is stored for it, `plan()` decides, and one function per kind of plan
 * carries it out. Disposing cuts off origin requests that are under way; stop the listener first.
 */
export function createEdge(options: EdgeOptions, deps: EdgeDeps): Edge {
  const { catalog, shield, steering, clock, log, sites } = deps;
  const { edgeScheme } = options;
  const stats = createEdgeStats();
  const health = new OriginHealth({ clock, random: Math.random });
  const origin = createOriginClient(
    { ...DEFAULT_ORIGIN_OPTIONS, ...options.origin },
    {
      ...{ clock, health },
      onRequest: () => {
        stats.originRequests += 1;
      },
      ...(deps.resolve === undefined ? {} : { resolve: deps.resolve }),
    },
  );
  const checks = new OriginChecks({ sites, health, clock, random: Math.random, probe: origin.probe });
  const maxObjectBytes = Math.min(options.maxObjectBytes, shield.maxBytes);
  const flights = new Flights(
    { edgeScheme, maxObjectBytes },
    {
      ...{ origin, catalog, shield, steering, clock, log },
      onBrokenOff: (draft, size, body) => salvage(deps.slices, draft, size, body),
    },
  );
  const slices = createSlices(
    { edgeScheme, maxObjectBytes },
    { store: deps.slices, origin, catalog, shield, steering, clock, log },
  );
  const parts: EdgeParts = {
    ...{ catalog, shield, steering, origin, flights, slices, clock, log, stats, edgeScheme },
    coded: new CodedBodies({ memoryBytes: CODED_MEMORY_BYTES }),
    rules: createRules({ edgeScheme, trustedProxies: options.trustedProxies }, { locate: deps.locate ?? openGeo() }),
    observe: deps.observe ?? ((_x, answer) => answer),
    spendStateOf: deps.spendStateOf ?? (() => "open"),
    mayTrace: deps.mayTrace ?? (async () => false),
    countSent: (bodyBytes) => {
      stats.routerBytes += bodyBytes;
    },
  };
  return {
    handle: (request) => receive(request, sites, parts),
    pullsOver: async (site) => void (await Promise.all([flights.over(site), slices.fetches.assembled()])),
    prefetch: (site, target) => prefetch(site, target, parts),
    dropCoded: (objectIds) => {
      for (const objectId of objectIds) parts.coded.remove(objectId);
    },
    originsOf: (site) => health.figures(site),
    stats,
    [Symbol.asyncDispose]: async () => {
      await checks[Symbol.asyncDispose]();
      await flights[Symbol.asyncDispose]();
      await slices[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

type Found = Pick<Exchange, "site" | "parts" | "trace">;

const TRACE_FIELDS = new Set([TRACE_FIELD]);

function receive(request: EdgeRequest, sites: EdgeDeps["sites"], parts: EdgeParts): Outcome {
  parts.stats.requests += 1;
  const site = sites.byHost(hostnameOf(request.host));
  if (site === undefined) return unknownHost(request);
  const trace = new Trace();
  const key = request.headers[TRACE_FIELD];
  return key === undefined
    ? respond(request, { site, parts, trace })
    : respondTraced(request, key, { site, parts, trace });
}

/** Neither what is stored nor an origin ever sees the field; who may not ask for a trace is answered as if they had not. */
async function respondTraced(request: EdgeRequest, key: string | string[], found: Found): Promise<Answer> {
  const isAllowed = found.parts.mayTrace(String(key), found.site.name);
  const answer = await respond(new ViewedRequest(request, { without: TRACE_FIELDS }), found);
  return (await isAllowed) ? withTrace(answer, found.trace) : answer;
}

function respond(request: EdgeRequest, { site, parts, trace }: Found): Outcome {
  const arrived: Exchange = {
    request: withoutListed(request),
    site,
    parts,
    trace,
    nowMs: parts.clock.nowMs(),
    isWebSocket: asksForWebSocket(request),
  };
  const screened = parts.rules.screen(arrived);
  trace.clientAddress = (screened?.request ?? request).remoteAddress;
  if (screened?.answer !== undefined) return parts.observe({ ...arrived, request: screened.request }, screened.answer);
  const x: Exchange = screened === undefined ? arrived : { ...arrived, ...screened };
  const outcome = answerFor(x);
  return outcome instanceof Promise
    ? outcome.then(
        (answer) => finish(x, answer),
        (error) => finish(x, failedAnswer(x, error)),
      )
    : finish(x, outcome);
}

/** What every answer of a site goes through on its way out. */
function finish(x: Exchange, answer: Answer): Answer {
  return x.parts.observe(x, x.parts.rules.dress(x, answer));
}

function answerFor(x: Exchange): Outcome {
  const { request, site, parts } = x;
  if (parts.spendStateOf(site.name) === "stopped") return capReached(x);
  if (x.isWebSocket === true) return tunnel(x);
  const { method } = request;
  // A GET with content means something only its origin knows (RFC 9110 9.3.1).
  if ((method !== "GET" && method !== "HEAD") || hasContent(request)) return passMethod(x);
  return lookUp(x, keyed(request, site));
}

function passMethod(x: Exchange): Outcome {
  x.trace.step("plan: pass, the method or its content is for the origin alone");
  const counted = countedDown(x.request);
  if (counted === undefined) return pass(x, "method");
  return "status" in counted ? counted : pass({ ...x, request: counted }, "method");
}

function lookUp(exchange: Exchange, request: EdgeRequest): Outcome {
  const x = request === exchange.request ? exchange : { ...exchange, request };
  const found = x.parts.catalog.find(x.site.name, request.target, request.headers);
  return found instanceof Promise ? decideLater(x, found) : decide(x, found);
}

async function decideLater(x: Exchange, finding: Promise<CatalogEntry | undefined>): Promise<Answer> {
  try {
    const found = await finding;
    // What was committed while the database was read is in memory by now.
    return decide(x, found ?? (await x.parts.catalog.find(x.site.name, x.request.target, x.request.headers)));
  } catch (error) {
    // Nobody knows what is stored: the origin does, and one request to it serves all who ask meanwhile.
    if (!isUnavailable(error)) throw error;
    x.trace.step("catalog: the database is away");
    return decide(x, undefined);
  }
}

function decide(x: Exchange, entry: CatalogEntry | undefined): Outcome {
  const decision = plan(x.request, entry, x.nowMs, x.site.cache);
  switch (decision.kind) {
    case "hit": {
      if (entry === undefined) throw impossible(decision.kind);
      x.parts.stats.hits += 1;
      x.trace.outcome = decision.stale ? "stale" : "hit";
      x.trace.step(decision.stale ? "plan: hit, stale as the request or the response allows" : "plan: hit, fresh");
      if (decision.renewal !== undefined) renew(x, entry, decision.renewal.conditions);
      const status = cacheStatus({ hit: true, ttl: decision.freshSeconds });
      return answerStored(x, entry, status, decision.ageSeconds);
    }
    case "revalidate":
      if (entry === undefined) throw impossible(decision.kind);
      x.trace.step(REVALIDATE_STEPS[decision.fwd]);
      return revalidate(x, entry, decision);
    case "miss":
      x.trace.step(`plan: fetch (${decision.fwd})`);
      return miss(x, decision);
    case "pass":
      x.trace.step(`plan: pass (${decision.reason})`);
      if (decision.reason === "head-stale" && entry !== undefined) return headStale(x, entry);
      return pass(x, decision.fwd);
    default:
      throw impossible((decision satisfies never as { kind: string }).kind);
  }
}

const REVALIDATE_STEPS = {
  stale: "plan: ask the origin, what is stored is stale",
  request: "plan: ask the origin, the request wants it so",
};

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

/** RFC 9211 2: every answer says what became of the request here. */
function failedAnswer(x: Exchange, error: unknown): Answer {
  const answer = answerOfError(x.parts.log, error, x.request);
  answer.headers.push("Cache-Status", cacheStatus({ hit: false, fwd: "bypass", detail: "error" }));
  return answer;
}

/** The Host field without its port and the dot that ends a full name (RFC 9110 4.2.3: the same host); an IPv6 literal keeps its brackets. */
function hostnameOf(host: string): string {
  const colon = host.lastIndexOf(":");
  const name = colon < 0 || host.endsWith("]") ? host : host.slice(0, colon);
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
