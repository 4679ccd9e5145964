import { type Clock, systemClock } from "../clock.ts";
import type { Handle, HttpRequest } from "../http/answer.ts";
import type { HttpServer } from "../http/server.ts";
import type { Log } from "../log.ts";
import { AddressBook } from "./address-book.ts";
import type { WireLimits } from "./connection.ts";
import { Http1Connection } from "./http1-connection.ts";
import { Http2Connection } from "./http2-connection.ts";
import { Http3Listener } from "./http3.ts";
import { checkTlsPair, type TlsPair } from "./tls-pair.ts";
import { WireContexts } from "./wire-context.ts";
import { WireListener } from "./wire-listener.ts";
import type { WireSocket } from "./wire-socket.ts";

/** How often deadlines are looked at and the Date is renewed. */
const INSPECT_MS = 250;
const STOP_CHECK_MS = 10;

/** What `serveWire` needs. */
export interface WireServerOptions {
  hostname: string;
  /** 0 lets the system choose. */
  port: number;
  handle: Handle<HttpRequest>;
  log: Log;
  limits?: WireLimits;
  clock?: Clock;
  /** HTTPS with HTTP/2 when given; plain HTTP/1.1 otherwise. */
  tls?: TlsPair;
  /** HTTP/3 too, on the UDP port of the same number; only with `tls`. */
  http3?: boolean;
}

/** A listening server. */
export interface WireServer extends HttpServer {
  /** Connections that are open now. */
  connections(): number;
  /**
   * New connections use another certificate from now on; open ones stay, and none is refused meanwhile. HTTP/3 changes once nothing is open
   * there. Throws NesonError "bad-tls" (operator) and
   * changes nothing when the pair cannot be used, or when the server was started without TLS.
   */
  reloadTls(tls: TlsPair): void;
}

const DEFAULT_LIMITS: Required<WireLimits> = {
  maxHeaderBytes: 16 * 1024,
  headersMs: 10_000,
  keepAliveMs: 30_000,
  stallMs: 120_000,
  graceMs: 10_000,
  maxConnectionsPerAddress: 256,
  maxRequestsPerSecond: 1000,
  maxConnections: 20_000,
  maxStreams: 128,
};

/**
 * Serves requests without content over HTTP/1.0 and HTTP/1.1, and with `tls` over HTTP/2, straight from sockets. A handler that returns a plain
 * Answer is answered within the same tick, and `sent` is told what the kernel took of the body. Throws NesonError "port-in-use",
 * "cannot-listen" or "bad-tls" (operator).
 */
export async function serveWire(options: WireServerOptions): Promise<WireServer> {
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

function listen(options: WireServerOptions, limits: Required<WireLimits>, clock: Clock): Listeners {
  const { hostname, port, handle, log, tls } = options;
  const book = new AddressBook(limits);
  const contexts = new WireContexts({ handle, limits, clock, log, book });
  const { maxConnections } = limits;
  const connect = (socket: WireSocket, version: "h2" | "http/1.1") => {
    const context = contexts.of(socket.account);
    return version === "h2" ? new Http2Connection(socket, context) : new Http1Connection(socket, context);
  };
  const tcp = new WireListener({ hostname, port, tls, book, maxConnections, log, connect });
  let http3: Http3Listener | undefined;
  if (options.http3 === true && tls !== undefined) {
    const answer = (request: HttpRequest) => contexts.answer(request, book.accountOf(request.remoteAddress));
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
