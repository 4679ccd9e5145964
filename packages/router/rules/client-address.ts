import { isIP } from "node:net";
import type { HttpRequest } from "@neson/kit/http/answer";
import { AddressSet } from "./address-set.ts";

/** The field in which the operator's own proxies name the client: RFC 7239, or its forerunner. */
export type ProxyField = "forwarded" | "x-forwarded-for";

/** Which proxies are believed. */
export interface TrustedProxies {
  addresses: AddressSet;
  field: ProxyField;
}

/** From the Router's options; undefined when no proxy is trusted. */
export function trustedProxiesOf({
  trustedProxies,
  proxyField,
}: {
  trustedProxies: readonly string[];
  proxyField: ProxyField;
}): TrustedProxies | undefined {
  return trustedProxies.length === 0 ? undefined : { addresses: new AddressSet(trustedProxies), field: proxyField };
}

/** What trusted proxies said of a request. */
export interface ProxiedClient {
  address: string;
  /** Undefined when they did not say. */
  scheme: "http" | "https" | undefined;
  /** What stood in X-Forwarded-For before the client: its own claims, which prove nothing. */
  claimed: string;
}

/** More hops than any honest chain has. */
const MAX_HOPS = 32;

/**
 * The client behind trusted proxies: the rightmost address that is not one of theirs, since everything further left was written by strangers
 * (RFC 7239 section 8.1). Undefined when the request did not come from a trusted proxy: then the socket's address is the client's, whatever
 * its fields say.
 */
export function clientBehind(request: HttpRequest, { addresses, field }: TrustedProxies): ProxiedClient | undefined {
  if (!addresses.has(request.remoteAddress)) return undefined;
  const value = lineOf(request.headers[field]);
  const hops = field === "forwarded" ? forwardedHops(value) : namedHops(value);
  let address = request.remoteAddress;
  let at = hops.length;
  for (let steps = 0; at > 0 && steps < MAX_HOPS && addresses.has(address); steps++) {
    const hop = addressIn(hops[at - 1]?.for ?? "");
    // "unknown", a made-up name or nonsense: the hop that wrote it is the last that is known.
    if (hop === undefined) break;
    address = hop;
    at -= 1;
  }
  const last = hops.at(-1);
  const proto = field === "forwarded" ? last?.proto : lineOf(request.headers["x-forwarded-proto"]).split(",").at(-1);
  const claimed = field === "x-forwarded-for" ? hops.slice(0, at).map((hop) => hop.for) : [];
  return { address, scheme: schemeIn(proto), claimed: claimed.filter((text) => text !== "").join(", ") };
}

interface Hop {
  for: string;
  proto?: string | undefined;
}

function namedHops(value: string): Hop[] {
  return value.split(",").map((hop) => ({ for: hop.trim() }));
}

function lineOf(value: string | string[] | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : value.join(", ");
}

function schemeIn(text: string | undefined): "http" | "https" | undefined {
  const scheme = text?.trim().toLowerCase();
  return scheme === "http" || scheme === "https" ? scheme : undefined;
}

/** An address with or without port, an IPv6 one with or without brackets. */
function addressIn(text: string): string | undefined {
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/i.exec(text)?.[1];
  const address = bracketed ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1] ?? text;
  return isIP(address) === 0 ? undefined : address;
}

/** RFC 7239 section 4: elements by comma, parameters by semicolon, values perhaps in quotes. A comma inside quotes is no address anyway. */
function forwardedHops(value: string): Hop[] {
  return value.split(",").map((element) => {
    const parameters = new Map<string, string>();
    for (const pair of element.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0) continue;
      const text = pair.slice(equals + 1).trim();
      parameters.set(pair.slice(0, equals).trim().toLowerCase(), text.replace(/^"(.*)"$/, "$1"));
    }
    return { for: parameters.get("for") ?? "", proto: parameters.get("proto") };
  });
}
