import type { Duplex } from "node:stream";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { Site } from "../sites/site.ts";
import { attempt } from "./attempts.ts";
import { Http2Sessions } from "./http2-sessions.ts";
import type { OriginHealth } from "./origin-health.ts";
import { type OriginOptions, optionsFor } from "./origin-options.ts";
import { Pools } from "./pools.ts";
import { type Address, OriginResolver, type Resolve, systemResolve } from "./resolver.ts";
import { RetryBudget } from "./retry-budget.ts";
import { sendHttp2 } from "./send-http2.ts";
import { sendOnce, Unanswered } from "./send-once.ts";
import type { Target } from "./targets.ts";

/** One request to a site's origins. */
export interface OriginRequest {
  site: Site;
  method: string;
  /** The raw target; the origin's base path is put before it. */
  target: string;
  /** Flat and complete but for Host, with the framing of the body. */
  headers: string[];
  body?: AsyncIterable<Uint8Array>;
  /** Fields that follow the content, known once it was read; sent where the content is chunked. */
  trailers?: () => string[];
  /** True when the fields say Expect: the content is not read until the origin wants it. */
  isAwaited?: boolean;
  /** Offers to go on as this; see `OriginResponse.tunnel`. */
  upgrade?: "websocket";
  /** Told of each interim answer (RFC 9110 15.2) but 100, with its end-to-end fields, before the answer. */
  onInform?: (status: number, headers: string[]) => void;
  /** Gives up, whatever was reached. */
  signal?: AbortSignal;
}

/** A response whose header section has arrived. Its body must be read to the end or stopped by `discard`. */
export interface OriginResponse {
  status: number;
  /** See `receivedHeaders`. */
  headers: string[];
  /** Bytes the body will have, if the origin said so. */
  contentLength: number | undefined;
  requestTimeMs: number;
  responseTimeMs: number;
  /** Throws NesonError `origin-cut-short` or `origin-timeout` when it does not come whole. */
  body: AsyncIterable<Uint8Array>;
  /** Fields that followed the body, end-to-end ones that may stand there; empty until it was read to its end. */
  trailers(): string[];
  /** With 101: the connection, which is the caller's from then on. */
  tunnel?: OriginTunnel;
  discard(): void;
}

/** A connection to an origin that has left HTTP. */
export interface OriginTunnel {
  socket: Duplex;
  /** What already came. */
  head: Uint8Array;
  /** Of the origin, for messages. */
  name: string;
}

/** See `createOriginClient`. */
export interface OriginClient extends AsyncDisposable {
  /**
   * Sends one request, to another of the site's origins when one fails and it may be sent again; never follows a redirect.
   * @throws NesonError (peer) `origin-unreachable`, `origin-timeout`, `origin-unresolved`, `origin-bad-response`; (operator)
   * `origin-address-refused`; or the signal's reason
   */
  send(request: OriginRequest): Promise<OriginResponse>;
  /** Asks one origin for a path; its status. Rejects when there is none in time, or it must not be dialled. */
  probe(site: Site, target: Target, order: { path: string; timeoutMs: number; signal: AbortSignal }): Promise<number>;
}

/** What the client works with. */
export interface OriginDeps {
  clock: Clock;
  health: OriginHealth;
  /** Told of every request that is sent. */
  onRequest?: () => void;
  resolve?: Resolve;
}

/** The only door to origins: chooses, resolves, checks, dials the checked address, bounds every phase in time, and tries again where that is safe. */
export function createOriginClient(options: OriginOptions, deps: OriginDeps): OriginClient {
  const resolver = new OriginResolver({ resolve: deps.resolve ?? systemResolve, clock: deps.clock });
  const pools = new Pools();
  const sessions = new Http2Sessions({ clock: deps.clock });
  const budget = new RetryBudget();
  const openHttp2 = async (
    { site, upgrade }: OriginRequest,
    target: Target,
    addresses: Address[],
    { connectMs }: OriginOptions,
  ) => {
    if (!site.origins.http2 || !target.origin.isTls || upgrade !== undefined) return undefined;
    try {
      return await sessions.open({ site, target, addresses, connectMs });
    } catch (cause) {
      const message = `origin ${target.origin.host} could not be reached`;
      const failure = new NesonError("origin-unreachable", message, { fault: "peer", cause });
      throw new Unanswered(failure, { wasSent: false, wasIdle: false });
    }
  };
  const once = async (request: OriginRequest, target: Target): Promise<OriginResponse> => {
    const { site } = request;
    const addresses = await resolver.addressesOf(target.origin.hostname, site.allowPrivateOrigin);
    const bounds = optionsFor(site, options);
    deps.onRequest?.();
    const session = await openHttp2(request, target, addresses, bounds);
    const common = { target, options: bounds, clock: deps.clock };
    if (session !== undefined) return sendHttp2(request, { ...common, session });
    return sendOnce(request, { ...common, addresses, pool: pools.for(site, bounds.maxConnections) });
  };
  return {
    send: (request) => attempt(request, { ...deps, once, budget }),
    probe: async (site, target, { path, timeoutMs, signal }) => {
      const headers = ["User-Agent", "neson-health-check", "Accept", "*/*", "Accept-Encoding", "identity"];
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await once({ site, method: "GET", target: path, headers, signal: limit }, target);
      response.discard();
      return response.status;
    },
    [Symbol.asyncDispose]: async () => {
      pools[Symbol.dispose]();
      sessions[Symbol.dispose]();
    },
  };
}
