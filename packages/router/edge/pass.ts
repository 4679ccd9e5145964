import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import type { OriginResponse } from "../origin/origin-client.ts";
import { openContent, type RequestContent } from "../origin/request-content.ts";
import {
  hopsOf,
  MAX_HOPS,
  originRequestHeaders,
  requestTrailers,
  takesTrailers,
  VIA,
} from "../origin/request-headers.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { invalidates } from "../policy/invalidate.ts";
import { withoutTags } from "../purge/order.ts";
import type { Exchange, Forwarded } from "./exchange.ts";
import { originFailure, plainAnswer } from "./failure.ts";
import { invalidate } from "./invalidation.ts";

/** Forwards the request as it is, for this client alone, and stores nothing of the answer. */
export async function pass(x: Exchange, fwd: Forwarded): Promise<Answer> {
  const loop = refuseLoop(x);
  if (loop !== undefined) return loop;
  const { request, site, parts } = x;
  parts.stats.passes += 1;
  const { method, target, signal } = request;
  let response: OriginResponse;
  try {
    const content = await openContent(request, site.access.maxBodyBytes);
    const extra = [...content.framing, ...asking(request, content)];
    const headers = originRequestHeaders(request, { kind: "pass", edgeScheme: parts.edgeScheme, extra });
    const onInform = (status: number, fields: string[]) => request.inform(status, fields);
    const order = { site, method, target, headers, onInform, signal };
    const { body, isAwaited } = content;
    const trailers = () => requestTrailers(request);
    response = await parts.origin.send(body === undefined ? order : { ...order, body, isAwaited, trailers });
  } catch (error) {
    // Nobody is left to read this; it only ends the request.
    if (signal.aborted) return plainAnswer(502, "the client left", "fwd=bypass");
    return originFailure(x, error);
  }
  x.trace.outcome = "pass";
  x.trace.origin(response);
  if (invalidates(method, response.status)) await invalidate(x, response.headers);
  return passedOn(x, response, cacheStatus({ hit: false, fwd }));
}

/** Fields of this connection that speak for the client's: what it waits for, and what it takes. */
function asking(request: EdgeRequest, { isAwaited }: RequestContent): string[] {
  return [
    ...(isAwaited ? ["Expect", "100-continue"] : []),
    ...(takesTrailers(request) ? ["TE", "trailers", "Connection", "keep-alive, TE"] : []),
  ];
}

/** An origin's answer for one client alone, streamed as it comes. */
export function passedOn(x: Exchange, response: OriginResponse, status: string): Answer {
  const { contentLength, status: code } = response;
  const headers = [...withoutTags(response.headers), "Via", VIA, "Cache-Status", status];
  const mayHaveBody = x.request.method !== "HEAD" && code !== 204 && code !== 304;
  if (contentLength !== undefined && code !== 204) headers.push("Content-Length", String(contentLength));
  if (mayHaveBody && contentLength !== 0)
    return {
      ...{ status: code, headers, body: response.body },
      ...{ sent: x.parts.countSent, trailers: () => withoutTags(response.trailers()) },
    };
  response.discard();
  return { status: code, headers, body: null };
}

/** 508 for a request that went round through this cache, as when a site's origin is a name of the network itself. */
export function refuseLoop({ request, parts }: Exchange): Answer | undefined {
  if (hopsOf(request) <= MAX_HOPS) return undefined;
  parts.stats.errors += 1;
  return plainAnswer(508, "this site's origin leads back to the network itself", "fwd=bypass; detail=loop");
}
