import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { endToEndFields } from "../policy/fields.ts";
import { withoutTags } from "../purge/order.ts";
import type { Site } from "../sites/site.ts";
import { OriginBody } from "./origin-body.ts";
import { originUrlOf } from "./origin-url.ts";
import { type Address, OriginResolver, type Resolve, systemResolve } from "./resolver.ts";
import { declaredLength, receivedHeaders } from "./response-headers.ts";
import { sendBody } from "./send-body.ts";

/** An unwanted body up to this is read to its end. */
const MAX_DRAINED_BYTES = 65_536;

/** Bounds of origin requests, times in milliseconds. */
export interface OriginOptions {
  connectMs: number;
  /** From the end of the request to the response's header section. */
  firstByteMs: number;
  /** Longest silence within a body, in either direction. */
  idleMs: number;
  maxHeaderBytes: number;
  /** Connections to one origin. */
  maxConnections: number;
}

/** What suits an ordinary website. */
export const DEFAULT_ORIGIN_OPTIONS: OriginOptions = Object.freeze({
  connectMs: 10_000,
  firstByteMs: 30_000,
  idleMs: 30_000,
  maxHeaderBytes: 65_536,
  maxConnections: 256,
});

/** One request to a site's origin. */
export interface OriginRequest {
  site: Site;
  method: string;
  /** The raw target; the origin's base path is put before it. */
  target: string;
  /** Flat and complete, with Host and the framing of the body. */
  headers: string[];
  body?: AsyncIterable<Uint8Array>;
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
  discard(): void;
}

/** See `createOriginClient`. */
export interface OriginClient extends AsyncDisposable {
  /**
   * Sends one request; never follows a redirect.
   * @throws NesonError (peer) `origin-unreachable`, `origin-timeout`, `origin-unresolved`, `origin-bad-response`; (operator)
   * `origin-address-refused`; or the signal's reason
   */
  send(request: OriginRequest): Promise<OriginResponse>;
}

/** What the client works with. */
export interface OriginDeps {
  clock: Clock;
  /** Told of every request that is sent. */
  onRequest?: () => void;
  resolve?: Resolve;
}

type Pools = Record<"http" | "https", http.Agent>;

/** The only door to origins: resolves, checks, dials the checked address, and bounds every phase in time. */
export function createOriginClient(options: OriginOptions, deps: OriginDeps): OriginClient {
  const resolver = new OriginResolver({ resolve: deps.resolve ?? systemResolve, clock: deps.clock });
  // Kept apart: a connection that one site may have to a private address must not carry another site's request.
  const pools = { open: poolsOf(options), guarded: poolsOf(options) };
  return {
    send: async (request) => {
      const { site } = request;
      const addresses = await resolver.addressesOf(originUrlOf(site).hostname, site.allowPrivateOrigin);
      const pool = site.allowPrivateOrigin ? pools.open : pools.guarded;
      const exchange = () => sendOnce(request, addresses, pool, options, deps);
      try {
        return await exchange();
      } catch (error) {
        // RFC 9110 9.2.2: the origin closed an idle connection just as it was used again; an idempotent request may be repeated.
        if (!(error instanceof StaleConnection)) throw error;
        if (request.body !== undefined || !["GET", "HEAD"].includes(request.method)) throw error.failure;
        return await exchange().catch((again) => {
          throw again instanceof StaleConnection ? again.failure : again;
        });
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const { http, https } of Object.values(pools)) {
        http.destroy();
        https.destroy();
      }
    },
  };
}

class StaleConnection extends Error {
  readonly failure: NesonError;

  constructor(failure: NesonError) {
    super(failure.message);
    this.failure = failure;
  }
}

function poolsOf(options: OriginOptions): Pools {
  const agentOptions = { keepAlive: true, maxSockets: options.maxConnections, maxFreeSockets: 32 };
  return { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) };
}

function sendOnce(
  request: OriginRequest,
  addresses: Address[],
  pools: Pools,
  options: OriginOptions,
  deps: OriginDeps,
): Promise<OriginResponse> {
  const origin = originUrlOf(request.site);
  const { promise, resolve, reject } = Promise.withResolvers<OriginResponse>();
  deps.onRequest?.();
  const requestTimeMs = deps.clock.nowMs();
  const sent = (origin.isTls ? https : http).request({
    host: origin.hostname,
    port: origin.port,
    method: request.method,
    path: origin.base + request.target,
    headers: request.headers,
    agent: origin.isTls ? pools.https : pools.http,
    maxHeaderSize: options.maxHeaderBytes,
    lookup: (_hostname, wanted, callback) => {
      const [first] = addresses as [Address];
      if (wanted.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    },
  });
  const phases = watchPhases(sent, options, origin.host);
  const fail = (cause: unknown) => {
    phases.stop();
    sent.destroy();
    const failure = phases.timeout ?? describeFailure(cause, origin.host);
    const isStale = sent.reusedSocket && failure.code === "origin-unreachable";
    reject(isStale ? new StaleConnection(failure) : failure);
  };
  const giveUp = () => {
    sent.destroy();
    reject(request.signal?.reason);
  };
  if (request.signal?.aborted === true) giveUp();
  request.signal?.addEventListener("abort", giveUp, { once: true });
  let hasAnswered = false;
  // Once there is an answer, its body tells what goes wrong. What comes behind its end (RFC 9112 6.3) costs the connection, not the answer.
  sent.on("error", (error) => hasAnswered || fail(error));
  sent.on("information", ({ statusCode, rawHeaders }) => {
    if (statusCode > 101) request.onInform?.(statusCode, withoutTags(endToEndFields(rawHeaders)));
  });
  sent.once("response", (response) => {
    hasAnswered = true;
    phases.stop();
    request.signal?.removeEventListener("abort", giveUp);
    resolve(received(response, origin, requestTimeMs, options, deps));
  });
  sent.on("close", () => request.signal?.removeEventListener("abort", giveUp));
  if (request.body === undefined) {
    sent.end();
    phases.bodySent();
  } else sendBody(sent, request.body, phases).catch(fail);
  return promise;
}

function received(
  response: IncomingMessage,
  origin: ReturnType<typeof originUrlOf>,
  requestTimeMs: number,
  options: OriginOptions,
  deps: OriginDeps,
): OriginResponse {
  const responseTimeMs = deps.clock.nowMs();
  return {
    status: response.statusCode ?? 502,
    headers: receivedHeaders(response.rawHeaders, origin, responseTimeMs),
    contentLength: declaredLength(response.rawHeaders),
    requestTimeMs,
    responseTimeMs,
    body: new OriginBody(response, { idleMs: options.idleMs, name: origin.host }),
    discard: () => discard(response, options.idleMs),
  };
}

/** Reads a short body away, so that the connection can be used again; cuts a long one off. */
function discard(response: IncomingMessage, idleMs: number): void {
  const length = declaredLength(response.rawHeaders);
  const isShort = response.statusCode === 304 || (length !== undefined && length <= MAX_DRAINED_BYTES);
  if (!isShort) {
    response.destroy();
    return;
  }
  const timer = setTimeout(() => response.destroy(), idleMs);
  response.once("close", () => clearTimeout(timer));
  response.resume();
}

/** The clock of one request: connecting, then sending a body, then waiting for the first byte. */
export interface Phases {
  timeout: NesonError | undefined;
  bodyMoved(): void;
  bodySent(): void;
  stop(): void;
}

function watchPhases(sent: ClientRequest, options: OriginOptions, host: string): Phases {
  let timer: Timer | undefined;
  let isConnected = false;
  let next: { limitMs: number; waitedFor: string } = { limitMs: options.firstByteMs, waitedFor: "an answer" };
  const watch = (limitMs: number, waitedFor: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const message = `origin ${host}: waited ${limitMs} ms for ${waitedFor}, no longer is allowed`;
      phases.timeout = new NesonError("origin-timeout", message, { fault: "peer" });
      sent.destroy(phases.timeout);
    }, limitMs);
  };
  const move = (limitMs: number, waitedFor: string) => {
    next = { limitMs, waitedFor };
    if (isConnected) watch(limitMs, waitedFor);
  };
  const connected = () => {
    isConnected = true;
    watch(next.limitMs, next.waitedFor);
  };
  let isOver = false;
  const phases: Phases = {
    timeout: undefined,
    bodyMoved: () => isOver || move(options.idleMs, "the origin to take more of the request"),
    bodySent: () => isOver || move(options.firstByteMs, "an answer"),
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
  watch(options.connectMs, "a connection");
  sent.once("socket", (socket) => {
    if (isOver) return;
    if (!socket.connecting) connected();
    else socket.once("connect", () => isOver || connected());
  });
  return phases;
}

function describeFailure(cause: unknown, host: string): NesonError {
  if (cause instanceof NesonError) return cause;
  const code = (cause as { code?: unknown }).code;
  if (typeof code === "string" && code.startsWith("HPE_")) {
    return new NesonError("origin-bad-response", `origin ${host}: its answer is not HTTP as allowed here`, {
      fault: "peer",
      cause,
    });
  }
  return new NesonError("origin-unreachable", `origin ${host} could not be asked`, { fault: "peer", cause });
}
