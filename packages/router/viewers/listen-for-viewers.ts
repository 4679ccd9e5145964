import type { Clock } from "@neson/kit/clock";
import type { Handle } from "@neson/kit/http/answer";
import { type HttpServer, serveHttp } from "@neson/kit/http/server";
import type { Log } from "@neson/kit/log";
import { openTlsFiles } from "@neson/kit/wire/tls-files";
import type { RouterConfig } from "../config.ts";

/** What of a Router's settings says how viewers reach it. */
export type ViewerOptions = Pick<
  RouterConfig,
  | "listenHost"
  | "listenPort"
  | "tlsCertFile"
  | "tlsKeyFile"
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxRequestsPerSecond"
>;

/** The scheme of URLs at which viewers reach this Router. */
export function viewerSchemeOf({ tlsCertFile, edgeScheme }: Pick<RouterConfig, "tlsCertFile" | "edgeScheme">) {
  return tlsCertFile === undefined ? edgeScheme : "https";
}

/**
 * Listens for viewers: plain HTTP/1.1, or HTTPS with HTTP/1.1 and HTTP/2 when a certificate is named, which may be replaced at any time.
 * @throws NesonError (operator) `port-in-use`, `cannot-listen`, `bad-option`, `bad-tls`
 */
export async function listenForViewers(
  config: ViewerOptions,
  deps: { handle: Handle; clock: Clock; log: Log },
): Promise<Pick<HttpServer, "port" | "hostname"> & AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const { listenHost: hostname, listenPort: port, tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  const { maxConnections, maxConnectionsPerAddress, maxRequestsPerSecond } = config;
  const files = openTlsFiles({ certFile, keyFile }, deps);
  if (files !== undefined) parts.use(files);
  const limits = { maxConnections, maxConnectionsPerAddress, maxRequestsPerSecond };
  const options = { hostname, port, limits, ...deps };
  const server = parts.use(await serveHttp(files === undefined ? options : { ...options, tls: files.first }));
  files?.watch((pair) => server.reloadTls(pair));
  const running = parts.move();
  return { port: server.port, hostname, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
