import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseRange } from "@neson/kit/http/range";
import { bytesOf, PAGES, type Page } from "./pages.ts";

/**
 * What is wrong with the origin. `down`: it hangs up on whoever calls. `slow`: it thinks for long. `short` and `reset`: it says how long a body is and
 * sends half of it, ending politely or not. `error`: it answers 503.
 */
export type Fault = "none" | "down" | "slow" | "short" | "reset" | "error";

const SLOW_MS = 1500;
const BLOCK_BYTES = 256 * 1024;

/** An origin that can be told to misbehave. */
export interface FaultyOrigin extends AsyncDisposable {
  url: string;
  fault: Fault;
  requests: number;
}

/** Starts it on a port of 127.0.0.1, in good health. */
export async function startFaultyOrigin(): Promise<FaultyOrigin> {
  const server = createServer((request, response) => void answer(origin, request, response).catch(() => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin: FaultyOrigin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: "none",
    requests: 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return origin;
}

async function answer(origin: FaultyOrigin, request: IncomingMessage, response: ServerResponse): Promise<void> {
  origin.requests += 1;
  const { fault } = origin;
  if (fault === "down") {
    request.socket.destroy();
    return;
  }
  const received: Buffer[] = [];
  for await (const chunk of request) received.push(chunk);
  if (fault === "slow") await Bun.sleep(SLOW_MS);
  if (fault === "error") {
    response.writeHead(503, { "Content-Type": "text/plain" }).end("out of order\n");
    return;
  }
  if (request.method === "POST") {
    const body = Buffer.concat(received);
    response.writeHead(200, { "Content-Length": body.length, "Cache-Control": "no-store" }).end(body);
    return;
  }
  const page = PAGES.find(({ path }) => path === request.url);
  if (page === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("no such page\n");
    return;
  }
  await send(page, fault, request, response);
}

async function send(page: Page, fault: Fault, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size, headers, path } = page;
  if (headers.ETag !== undefined && request.headers["if-none-match"] === headers.ETag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = request.headers.range === undefined ? undefined : parseRange(request.headers.range, size);
  const [first, last] = range?.kind === "one" ? [range.first, range.last] : [0, size - 1];
  const partial = range?.kind === "one" ? { "Content-Range": `bytes ${first}-${last}/${size}` } : {};
  const framing = { "Content-Length": last - first + 1, "Accept-Ranges": "bytes", ...partial };
  response.writeHead(range?.kind === "one" ? 206 : 200, { ...headers, ...framing });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const isBroken = fault === "short" || fault === "reset";
  const end = isBroken ? first + Math.floor((last - first) / 2) : last;
  const closed = new Promise((resolve) => response.once("close", resolve));
  for (let at = first; at <= end; at += BLOCK_BYTES) {
    const block = bytesOf(path, at, Math.min(end, at + BLOCK_BYTES - 1));
    if (!response.write(block)) await Promise.race([new Promise((resolve) => response.once("drain", resolve)), closed]);
    if (response.destroyed) return;
  }
  if (fault === "short") response.socket?.end();
  else if (fault === "reset") response.socket?.resetAndDestroy();
  else response.end();
}
