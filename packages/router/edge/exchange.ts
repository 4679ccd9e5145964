import type { Clock } from "@neson/kit/clock";
import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import type { Log } from "@neson/kit/log";
import type { Catalog } from "../catalog/catalog.ts";
import type { Shield } from "../catalog/shield.ts";
import type { CodedBodies } from "../compress/coded-bodies.ts";
import type { Flights } from "../origin/flights.ts";
import type { OriginClient } from "../origin/origin-client.ts";
import type { CacheOutcome } from "../policy/cache-status.ts";
import type { Rules } from "../rules/rules.ts";
import type { Site } from "../sites/site.ts";
import type { Slices } from "../slices/slices.ts";
import type { SpendState } from "../spend/guard.ts";
import type { Steering } from "../steer/steering.ts";
import type { EdgeStats } from "./stats.ts";
import type { Trace } from "./trace.ts";

/** What every state of the edge works with. */
export interface EdgeParts {
  catalog: Catalog;
  shield: Shield;
  steering: Steering;
  origin: OriginClient;
  flights: Flights;
  coded: CodedBodies;
  slices: Slices;
  clock: Clock;
  log: Log;
  stats: EdgeStats;
  /** What sites let through, and put on answers. */
  rules: Rules;
  /** Scheme of the URLs at which viewers reach this Router. */
  edgeScheme: "http" | "https";
  /** Hands every answer of a site to whoever keeps the figures; gives the answer to send. */
  observe: (x: Exchange, answer: Answer) => Answer;
  /** How a site may be served within its spend cap. */
  spendStateOf: (siteName: string) => SpendState;
  /** Whether a key lets its holder see how requests of a site are decided; never rejects. */
  mayTrace: (key: string, site: string) => Promise<boolean>;
  /** Counts what the Router sends itself. */
  countSent: (bodyBytes: number) => void;
}

/** One request on its way through the states. */
export interface Exchange {
  readonly request: EdgeRequest;
  readonly site: Site;
  readonly nowMs: number;
  readonly parts: EdgeParts;
  readonly trace: Trace;
  /** Where a Terminal sends the client back to, when that is not the request's target. */
  readonly returnTarget?: string;
  /** Set when the client wants to go on as a WebSocket. */
  readonly isWebSocket?: boolean;
  /** Set when only this Router may answer, whatever the delivery rules say. */
  readonly isRouterOnly?: boolean;
}

/** An answer, at once where everything needed is in memory. */
export type Outcome = Answer | Promise<Answer>;

/** Why a request went to the origin, for Cache-Status. */
export type Forwarded = Extract<CacheOutcome, { hit: false }>["fwd"];
