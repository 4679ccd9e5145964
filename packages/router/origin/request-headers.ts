import type { EdgeRequest } from "@neson/kit/http/answer";
import { trailerFields } from "@neson/kit/wire/trailer-fields";
import { endToEndFields, listMembers } from "../policy/fields.ts";

/** How this cache names itself in Via (RFC 9110 7.6.3). */
export const VIA = "1.1 neson";
/** A request that went through more caches of our kind than this goes round in circles. */
export const MAX_HOPS = 2;

// What a pull for the cache asks differently than its client did: the whole representation, unconditionally, in one encoding for all, and by the method
// that it has, since its answer is for everyone.
const NOT_PULLED = new Set([
  ...["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "accept-encoding"],
  ...["x-http-method-override", "x-http-method", "x-method-override"],
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

// What proxies tell origins, and origins believe: which URL, host, port, scheme or address a request is for or from. Only a proxy may say so; from a
// client it is an attempt to have an answer made for something else than its cache key.
const NOT_CLIENTS = new Set([
  ...["forwarded", "x-forwarded", "x-forwarded-port", "x-forwarded-scheme", "x-forwarded-protocol", "x-forwarded-ssl"],
  ...["x-forwarded-server", "x-forwarded-prefix", "x-forwarded-path", "x-forwarded-uri", "x-forwarded-by"],
  ...["x-original-url", "x-rewrite-url", "x-original-uri", "x-original-host", "x-host", "x-http-host-override"],
  ...["x-url-scheme", "front-end-https", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip"],
  ...["cf-connecting-ip", "fastly-client-ip", "client-ip", "x-originating-ip", "x-remote-ip", "x-remote-addr"],
]);

/** `pull`: for the cache. `pass`: on behalf of this client alone. */
export type RequestKind = "pull" | "pass";

/** How an origin request is made. */
export interface OriginHeadersOptions {
  kind: RequestKind;
  edgeScheme: string;
  /** The site's name in front of everyone, for a pull: an origin that writes it into an answer writes the same for all. */
  siteHost?: string | undefined;
  /** Flat fields to add. */
  extra?: readonly string[];
}

/**
 * The flat fields of an origin request: the client's end-to-end ones, without Host, what tells the origin about the client, and (for a
 * pull) without what asks for less than the whole. `Expect` and `TE` are for whoever makes the request to add.
 */
export function originRequestHeaders(request: EdgeRequest, options: OriginHeadersOptions): string[] {
  const headers: string[] = [];
  const client = endToEndFields(request.rawHeaders);
  for (let i = 0; i + 1 < client.length; i += 2) {
    const name = (client[i] ?? "").toLowerCase();
    if (REPLACED.has(name) || NOT_CLIENTS.has(name) || (options.kind === "pull" && NOT_PULLED.has(name))) continue;
    headers.push(client[i] ?? "", client[i + 1] ?? "");
  }
  if (options.kind === "pull") headers.push("Accept-Encoding", "identity");
  if (options.extra !== undefined) headers.push(...options.extra);
  headers.push(
    ...["Via", joined(request.headers.via, VIA)],
    ...["X-Forwarded-For", joined(one(request.headers["x-forwarded-for"]), request.remoteAddress)],
    ...["X-Forwarded-Host", forwardedHost(request, options)],
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

/** Whether a client takes what follows content (RFC 9110 10.1.4). */
export function takesTrailers({ headers }: EdgeRequest): boolean {
  return listMembers([one(headers.te) ?? ""]).includes("trailers");
}

/** What followed a request's content, as it may go to an origin: nothing that would tell it, among the fields, what only a proxy may say. */
export function requestTrailers(request: EdgeRequest): string[] {
  const kept: string[] = [];
  const all = trailerFields(endToEndFields(request.trailers()));
  for (let i = 0; i + 1 < all.length; i += 2) {
    const name = (all[i] ?? "").toLowerCase();
    if (!REPLACED.has(name) && !NOT_CLIENTS.has(name)) kept.push(all[i] ?? "", all[i + 1] ?? "");
  }
  return kept;
}

/** How often a request went through a cache of our kind. RFC 9110 7.6.3: Via exists to find loops. */
export function hopsOf(request: EdgeRequest): number {
  const via = request.headers.via;
  return via === undefined ? 0 : via.split(",").filter((hop) => hop.trim() === VIA).length;
}

/** A pull's answer must not depend on the port or the final dot that one client put behind the name. */
function forwardedHost({ host }: EdgeRequest, { kind, siteHost }: OriginHeadersOptions): string {
  return kind === "pass" ? host : (siteHost ?? host.replace(/:\d*$/, "").replace(/\.$/, ""));
}

function joined(former: string | undefined, added: string): string {
  return former === undefined || former === "" ? added : `${former}, ${added}`;
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(", ");
}
