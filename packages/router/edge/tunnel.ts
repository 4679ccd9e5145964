import type { Duplex } from "node:stream";
import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import type { OriginResponse, OriginTunnel } from "../origin/origin-client.ts";
import { originRequestHeaders } from "../origin/request-headers.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { withoutTags } from "../purge/order.ts";
import type { Exchange } from "./exchange.ts";
import { originFailure, plainAnswer } from "./failure.ts";
import { passedOn, refuseLoop } from "./pass.ts";

/** Whether a request asks to go on as a WebSocket (RFC 6455 4.1). No other protocol is passed on: whoever speaks it could hide requests in it. */
export function asksForWebSocket({ method, headers, httpVersion }: EdgeRequest): boolean {
  if (method !== "GET" || httpVersion !== "1.1" || headers.upgrade?.toLowerCase() !== "websocket") return false;
  const listed = headers.connection?.toLowerCase().split(",") ?? [];
  return listed.some((name) => name.trim() === "upgrade");
}

/** Connects a client with the origin for as long as both want, once the origin agrees; else passes its answer on. */
export async function tunnel(x: Exchange): Promise<Answer> {
  const { request, site, parts } = x;
  if (!site.access.webSockets) {
    return plainAnswer(403, "this site takes no WebSocket connections", "fwd=bypass; detail=websocket");
  }
  const loop = refuseLoop(x);
  if (loop !== undefined) return loop;
  parts.stats.passes += 1;
  const { method, target, signal } = request;
  const headers = originRequestHeaders(request, { kind: "pass", edgeScheme: parts.edgeScheme });
  let response: OriginResponse;
  try {
    response = await parts.origin.send({ site, method, target, headers, signal, upgrade: "websocket" });
  } catch (error) {
    // Nobody is left to read this; it only ends the request.
    if (signal.aborted) return plainAnswer(502, "the client left", "fwd=bypass");
    return originFailure(x, error);
  }
  x.trace.outcome = "pass";
  x.trace.origin(response);
  const status = cacheStatus({ hit: false, fwd: "bypass" });
  if (response.tunnel === undefined) return passedOn(x, response, status);
  x.trace.step("websocket: the origin agreed");
  const { socket } = response.tunnel;
  forward(request.body, socket);
  const fields = [...withoutTags(response.headers), "Upgrade", "websocket"];
  return { status: 101, headers: fields, body: received(response.tunnel), sent: parts.countSent };
}

/** What the origin sends. */
async function* received({ head, socket }: OriginTunnel): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for await (const block of socket) yield block;
  } finally {
    socket.destroy();
  }
}

/** Sends what the client says, as fast as the origin takes it. */
async function forward(body: AsyncIterable<Uint8Array>, socket: Duplex): Promise<void> {
  const closed = new Promise<"closed">((resolve) => socket.once("close", () => resolve("closed")));
  // Whoever reads the socket hears of its errors.
  socket.on("error", () => {});
  try {
    for await (const block of body) {
      if (socket.destroyed) return;
      if (socket.write(block)) continue;
      const drained = new Promise<"drained">((resolve) => socket.once("drain", () => resolve("drained")));
      if ((await Promise.race([drained, closed])) === "closed") return;
    }
    socket.end();
  } catch {
    // The client is gone without a good-bye: so is the connection to the origin.
    socket.destroy();
  }
}
