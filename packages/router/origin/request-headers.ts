import type { EdgeRequest } from "@neson/kit/http/answer";
import { endToEndFields } from "../policy/fields.ts";

/** How this cache names itself in Via (RFC 9110 7.6.3). */
export const VIA = "1.1 neson";
/** A request that went through more caches of our kind than this goes round in circles. */
export const MAX_HOPS = 2;

// What a pull for the cache asks differently than its client did: the whole representation, unconditionally, in one encoding for all.
const NOT_PULLED = new Set([
  "range",
  "if-range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "accept-encoding",
]);

// Set anew for every origin request.
const REPLACED = new Set([
  "host",
  "content-length",
  "expect",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** `pull`: for the cache. `pass`: on behalf of this client alone. */
export type RequestKind = "pull" | "pass";

/**
 * The flat fields of an origin request: the client's end-to-end ones, with Host of the origin, what tells the origin about the client, and (for a
 * pull) without what asks for less than the whole. `Expect` stays here: this server has already told the client to go on.
 */
export function originRequestHeaders(
  request: EdgeRequest,
  options: { kind: RequestKind; host: string; edgeScheme: string; extra?: readonly string[] },
): string[] {
  const headers = ["Host", options.host];
  const client = endToEndFields(request.rawHeaders);
  for (let i = 0; i + 1 < client.length; i += 2) {
    const name = (client[i] ?? "").toLowerCase();
    if (REPLACED.has(name) || (options.kind === "pull" && NOT_PULLED.has(name))) continue;
    headers.push(client[i] ?? "", client[i + 1] ?? "");
  }
  if (options.kind === "pull") headers.push("Accept-Encoding", "identity");
  if (options.extra !== undefined) headers.push(...options.extra);
  headers.push(
    ...["Via", joined(request.headers.via, VIA)],
    ...["X-Forwarded-For", joined(one(request.headers["x-forwarded-for"]), request.remoteAddress)],
    ...["X-Forwarded-Host", request.host],
    ...["X-Forwarded-Proto", options.edgeScheme],
  );
  return headers;
}

/** The fields that frame the request's body, as it came: its length, or chunked; none without a body (RFC 9112 6.3). */
export function bodyFraming(request: EdgeRequest): string[] {
  if (request.headers["transfer-encoding"] !== undefined) return ["Transfer-Encoding", "chunked"];
  const length = request.headers["content-length"];
  return length === undefined ? [] : ["Content-Length", length];
}

/** How often a request went through a cache of our kind. RFC 9110 7.6.3: Via exists to find loops. */
export function hopsOf(request: EdgeRequest): number {
  const via = request.headers.via;
  return via === undefined ? 0 : via.split(",").filter((hop) => hop.trim() === VIA).length;
}

function joined(former: string | undefined, added: string): string {
  return former === undefined || former === "" ? added : `${former}, ${added}`;
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(", ");
}
