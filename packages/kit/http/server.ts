import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Handle } from "./answer.ts";
import { listenError } from "./listen-error.ts";
import { Responder } from "./responder.ts";

/** Bounds of one HTTP server; each has a default. */
export interface HttpLimits {
  /** Header section of a request, in bytes; more is answered 431. Default 16 KiB. */
  maxHeaderBytes?: number;
  /** A connection must send a whole header section within this. Default 10 s. */
  headersMs?: number;
  /** An idle kept-alive connection is closed after this. Default 30 s. */
  keepAliveMs?: number;
  /** A client that takes no byte of its answer for this long is cut off. Default 120 s. */
  stallMs?: number;
  /** On stop, open transfers may go on for this long. Default 10 s. */
  graceMs?: number;
}

/** What `serveHttp` needs. */
export interface HttpServerOptions {
  hostname: string;
  /** 0 lets the system choose. */
  port: number;
  handle: Handle;
  log: Log;
  limits?: HttpLimits;
  clock?: Clock;
}

/** A listening server. */
export interface HttpServer extends AsyncDisposable {
  readonly port: number;
  readonly hostname: string;
  /** Requests that wait for their answer, and answers that are not yet wholly in the kernel. */
  openTransfers(): number;
  /** Stops accepting, lets open transfers finish within the grace period, then cuts them off. */
  stop(): Promise<void>;
}

const DEFAULT_LIMITS: Required<HttpLimits> = {
  maxHeaderBytes: 16 * 1024,
  headersMs: 10_000,
  keepAliveMs: 30_000,
  stallMs: 120_000,
  graceMs: 10_000,
};

/**
 * Serves HTTP/1.1 with `node:http`, which keeps the raw target, header order and an exact Content-Length with streamed bodies.
 * A handler that returns a plain Answer is answered within the same tick. Throws NesonError "port-in-use" or
 * "cannot-listen" (fault operator).
 */
export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const responder = new Responder(options.log, options.clock ?? systemClock, limits.stallMs);
  const { handle } = options;
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersMs,
      // A long upload is no fault; the time for the header section is bounded above.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersMs),
    },
    (request, response) => responder.answer(request, response, handle),
  );
  server.on("clientError", refuseBrokenRequest);
  server.on("connect", (_request, socket: Socket) => refuse(socket, "501 Not Implemented"));
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopServer(server, responder, limits.graceMs);
    return stopped;
  };
  return {
    port,
    hostname: options.hostname,
    openTransfers: () => responder.open,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function refuseBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  // Bytes of an answer may already be on their way: a status line in the middle of them would be taken for content.
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  if (error.code === "HPE_HEADER_OVERFLOW") refuse(socket, "431 Request Header Fields Too Large");
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") refuse(socket, "408 Request Timeout");
  else refuse(socket, "400 Bad Request");
}

function refuse(socket: Socket, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

function listen(server: Server, { hostname, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => reject(listenError(error, hostname, port)));
    server.listen({ host: hostname, port, exclusive: true }, resolve);
  });
}

async function stopServer(server: Server, responder: Responder, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const deadlineMs = performance.now() + graceMs;
  while (responder.open > 0 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
  server.closeAllConnections();
  await closed;
}
