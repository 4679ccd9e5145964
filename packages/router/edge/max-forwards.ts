import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import { cacheStatus } from "../policy/cache-status.ts";
import { ViewedRequest } from "../rules/viewed-request.ts";
import { plainAnswer } from "./failure.ts";

/**
 * RFC 9110 7.6.2: OPTIONS and TRACE that may be forwarded no further are answered here, others count down. Undefined: nothing to do. A TRACE is never
 * answered with what came (RFC 9110 9.3.8): that would show a page's script the cookies it must not see.
 */
export function countedDown(request: EdgeRequest): Answer | EdgeRequest | undefined {
  const { method, headers } = request;
  const left = headers["max-forwards"];
  if ((method !== "OPTIONS" && method !== "TRACE") || typeof left !== "string" || !/^\d{1,10}$/.test(left))
    return undefined;
  if (Number(left) > 0) {
    const forOrigin = ["Max-Forwards", String(Number(left) - 1)];
    return new ViewedRequest(request, { without: new Set(["max-forwards"]), forOrigin });
  }
  if (method === "TRACE") return plainAnswer(405, "TRACE is not answered here", "fwd=bypass; detail=max-forwards");
  return { status: 204, headers: ["Cache-Status", cacheStatus({ hit: false, fwd: "bypass" })], body: null };
}
