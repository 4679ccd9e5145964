import { type Clock, systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import { AddressBook } from "../wire/address-book.ts";
import type { HttpLimits } from "../wire/connection.ts";
import { Http1Connection } from "../wire/http1-connection.ts";
import { Http2Connection } from "../wire/http2-connection.ts";
import { Http3Listener } from "../wire/http3.ts";
import { checkTlsPair, type TlsPair } from "../wire/tls-pair.ts";
import { WireContexts } from "../wire/wire-context.ts";
import { WireListener } from "../wire/wire-listener.ts";
import type { WireSocket } from "../wire/wire-socket.ts";
import type { EdgeRequest, Handle } from "./answer.ts";

/** How often deadlines are looked at and the Date is renewed. */
const INSPECT_MS = 250;
const STOP_CHECK_MS = 10;

/** What `serveHttp` needs. */
export interface HttpServerOptions {
  hostname: string;
  /** 0 lets the system choose. */
  port: number;
  handle: Handle;
  /** True refuses requests with content 413 (400 when it is malformed) instead of handing them on. */
  refusesContent?: boolean;
  log: Log;
  limits?: HttpLimits;
  clock?: Clock;
  /** HTTPS with HTTP/2 when given; plain HTTP/1.1 otherwise. */
  tls?: TlsPair;
  /** HTTP/3 too, on the UDP port of the same number; only with `tls`. */
  http3?: boolean;
}

/** A listening server. */
export interface HttpServer extends AsyncDisposable {
  readonly port: number;
  readonly hostname: string;
  /** Requests that wait for their answer, and answers that are not yet wholly in the kernel. */
  openTransfers(): number;
  /** Stops accepting, lets open transfers finish within the grace period, then cuts them off. */
  stop(): Promise<void>;
  /** Connections that are open now. */
  connections(): number;
  /**
   * New connections use another certificate from now on; open ones stay, and none is refused meanwhile. HTTP/3 changes once nothing is open
   * there. Throws NesonError "bad-tls" (operator) and
   * changes nothing when the pair cannot be used, or when the server was started without TLS.
   */
  reloadTls(tls: TlsPair): void;
}

const DEFAULT_LIMITS: Required<HttpLimits> = {
  maxHeaderBytes: 16 * 1024,
  headersMs: 10_000,
  keepAliveMs: 30_000,
  stallMs: 120_000,
  contentMs: 30_000,
  tunnelMs: 600_000,
  graceMs: 10_000,
  maxConnectionsPerAddress: 20_000,
  maxRequestsPerSecond: 1_000_000,
  maxConnections: 20_000,
  maxStreams: 128,
};

/**
 * Serves HTTP/1.0 and HTTP/1.1, and with `tls` HTTP/2, straight from sockets. A handler that returns a plain
 * Answer is answered within the same tick, and `sent` is told what the kernel took of the body. Throws NesonError "port-in-use",
 * "cannot-listen" or "bad-tls" (operator).
 */
export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { hostname, tls, clock = systemClock } = options;
  if (tls !== undefined) checkTlsPair(tls, clock.nowMs());
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const listeners = listen(options, limits, clock);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopListeners(listeners, limits.graceMs);
    return stopped;
  };
  return {
    port: listeners.tcp.port,
    hostname,
    openTransfers: () => openTransfers(listeners),
    connections: () => listeners.tcp.sockets.size,
    reloadTls: (next) => {
      checkTlsPair(next, clock.nowMs());
      listeners.tcp.useTls(next);
      listeners.http3?.useTls(next);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Listeners {
  tcp: WireListener;
  http3: Http3Listener | undefined;
  inspection: Timer;
}

function listen(options: HttpServerOptions, limits: Required<HttpLimits>, clock: Clock): Listeners {
  const { hostname, port, handle, log, tls, refusesContent = false } = options;
  const book = new AddressBook(limits);
  const contexts = new WireContexts({ handle, takesContent: !refusesContent, limits, clock, log, book });
  const { maxConnections } = limits;
  const connect = (socket: WireSocket, version: "h2" | "http/1.1") => {
    const context = contexts.of(socket.account);
    return version === "h2" ? new Http2Connection(socket, context) : new Http1Connection(socket, context);
  };
  const tcp = new WireListener({ hostname, port, tls, book, maxConnections, log, connect });
  let http3: Http3Listener | undefined;
  if (options.http3 === true && tls !== undefined) {
    const answer = (request: EdgeRequest) => contexts.answer(request, book.accountOf(request.remoteAddress));
    try {
      http3 = new Http3Listener({ hostname, port: tcp.port, tls, handle: answer, log });
    } catch (error) {
      tcp.stopAccepting();
      throw error;
    }
    contexts.advertiseHttp3(tcp.port);
  }
  let inspectedMs = clock.nowMs();
  const inspection = setInterval(() => {
    const nowMs = clock.nowMs();
    contexts.inspect(nowMs);
    book.refill(Math.max(0, nowMs - inspectedMs));
    inspectedMs = nowMs;
    for (const socket of tcp.sockets) socket.inspect(nowMs, limits.headersMs);
    http3?.inspect();
  }, INSPECT_MS);
  return { tcp, http3, inspection };
}

function openTransfers({ tcp, http3 }: Listeners): number {
  let open = http3?.open ?? 0;
  for (const socket of tcp.sockets) open += socket.open;
  return open;
}

async function stopListeners(listeners: Listeners, graceMs: number): Promise<void> {
  const { tcp, http3, inspection } = listeners;
  tcp.stopAccepting();
  for (const socket of tcp.sockets) socket.drain();
  const deadlineMs = performance.now() + graceMs;
  while (openTransfers(listeners) > 0 && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, STOP_CHECK_MS));
  }
  for (const socket of tcp.sockets) {
    if (socket.open > 0) socket.terminate();
    else socket.close();
  }
  http3?.stop();
  clearInterval(inspection);
}
