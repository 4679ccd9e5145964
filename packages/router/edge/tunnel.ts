import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import type { OriginResponse } from "../origin/origin-client.ts";
import { originRequestHeaders } from "../origin/request-headers.ts";
import { Tunnel } from "../origin/tunnel.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { withoutTags } from "../purge/order.ts";
import type { Exchange } from "./exchange.ts";
import { originFailure, plainAnswer } from "./failure.ts";
import { passedOn, refuseLoop } from "./pass.ts";

/** A connection on which neither end says anything for so long is closed; WebSockets that are to last longer send pings. */
const IDLE_MS = 300_000;

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
  const body = new Tunnel(response.tunnel, { idleMs: IDLE_MS }).join(request.body);
  const fields = [...withoutTags(response.headers), "Upgrade", "websocket"];
  return { status: 101, headers: fields, body, sent: parts.countSent };
}
