import { createHmac, timingSafeEqual } from "node:crypto";
import { NesonError } from "@neson/kit/error";
import { networkSpan } from "./address-set.ts";

/** One of a site's keys. */
export interface SigningKey {
  id: string;
  secret: string;
}

/** What a signature lets its holder do. */
export interface SignedRight {
  expiresAtSeconds: number;
  /** All paths that begin so (it ends with "/"); the one target alone, query included, when absent. */
  prefix?: string;
  /** Only clients at this address or in this network. */
  client?: string;
  /** GET and HEAD when absent. */
  methods?: readonly string[];
}

/** Name of the query parameter, and of the path segment after "~", that carries a signature. */
const NAME = "neson-signature";
const PARAMETER = `${NAME}=`;
const SEGMENT = `/~${NAME}.`;
const CONTEXT = "neson-url-1";
const MAX_CHARS = 2048;
const MAX_SECONDS = 2 ** 40;

/** Where a signature stands in a URL. In the path, links relative to a playlist or page carry it on by themselves. */
export type SignaturePlace = "query" | "path";

/** A target with a signature taken out of it, and the signature; "several" when there are more than one. */
export type SplitTarget = { target: string; signature: string | undefined } | "several";

/** Takes the signature out of a raw target; every other byte stays as it is. */
export function splitSignature(target: string): SplitTarget {
  const found: string[] = [];
  let rest = target;
  if (rest.startsWith(SEGMENT)) {
    const end = rest.slice(1).search(/[/?]/) + 1;
    const stop = end === 0 ? rest.length : end;
    found.push(rest.slice(SEGMENT.length, stop));
    rest = rest[stop] === "/" ? rest.slice(stop) : `/${rest.slice(stop)}`;
  }
  const query = rest.indexOf("?");
  if (query >= 0 && rest.includes(PARAMETER, query)) {
    const parts = rest.slice(query + 1).split("&");
    const others = parts.filter((part) => !part.startsWith(PARAMETER));
    for (const part of parts) if (part.startsWith(PARAMETER)) found.push(part.slice(PARAMETER.length));
    if (others.length < parts.length) rest = rest.slice(0, query) + (others.length === 0 ? "" : `?${others.join("&")}`);
  }
  return found.length > 1 ? "several" : { target: rest, signature: found[0] };
}

/** The opposite of `splitSignature`. */
export function joinSignature(target: string, signature: string, place: SignaturePlace): string {
  if (place === "path") return SEGMENT + signature + target;
  return `${target}${target.includes("?") ? "&" : "?"}${PARAMETER}${signature}`;
}

/** Signs a right to a target: `<key id>.<base64url of what is granted>.<base64url of the HMAC-SHA256>`. */
export function signTarget(target: string, key: SigningKey, right: SignedRight): string {
  const fields = new URLSearchParams({ expires: String(right.expiresAtSeconds) });
  if (right.prefix !== undefined) fields.set("prefix", right.prefix);
  if (right.client !== undefined) fields.set("client", right.client);
  if (right.methods !== undefined) fields.set("methods", right.methods.join(","));
  const payload = Buffer.from(fields.toString()).toString("base64url");
  const covered = right.prefix === undefined ? target : "";
  return `${key.id}.${payload}.${hmac(key, payload, covered)}`;
}

/**
 * What a signature grants, if one of the keys made it for this target (without its signature). Undefined otherwise. Neither expiry, client,
 * method nor prefix are judged here.
 */
export function openSignature(text: string, keys: readonly SigningKey[], target: string): SignedRight | undefined {
  if (text.length > MAX_CHARS) return undefined;
  const [id, payload, mac, ...rest] = text.split(".");
  const key = keys.find((candidate) => candidate.id === id);
  if (key === undefined || payload === undefined || mac === undefined || rest.length > 0) return undefined;
  // Its own bytes are authenticated too, so what it says may be read first.
  const right = readRight(payload);
  if (right === undefined) return undefined;
  return isEqual(mac, hmac(key, payload, right.prefix === undefined ? target : "")) ? right : undefined;
}

/**
 * An absolute URL with a signature, as `neson site sign` prints it.
 * @throws NesonError `bad-signed-url` (caller)
 */
export function signUrl(
  url: string,
  key: SigningKey,
  { place = "query", ...right }: SignedRight & { place?: SignaturePlace },
): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw refused("the URL", url, "an http or https URL");
  const target = parsed.pathname + parsed.search;
  const { expiresAtSeconds, prefix, client } = right;
  if (!Number.isSafeInteger(expiresAtSeconds) || expiresAtSeconds < 1 || expiresAtSeconds > MAX_SECONDS)
    throw refused("the time of expiry", expiresAtSeconds, "whole seconds since 1970");
  if (prefix !== undefined && !(isPrefix(prefix) && target.startsWith(prefix)))
    throw refused("the prefix", prefix, "a path that starts and ends with / and begins the URL's path");
  if (client !== undefined && networkSpan(client) === undefined)
    throw refused("the client", client, "an IP address or network");
  const signed = splitSignature(target);
  if (signed === "several" || signed.signature !== undefined) throw refused("the URL", url, "one without a signature");
  return parsed.origin + joinSignature(target, signTarget(target, key, right), place);
}

function refused(what: string, found: unknown, allowed: string): NesonError {
  const message = `Signing a URL failed: ${what} is ${JSON.stringify(found)}, allowed: ${allowed}`;
  return new NesonError("bad-signed-url", message, { fault: "caller" });
}

function readRight(payload: string): SignedRight | undefined {
  const fields = new URLSearchParams(Buffer.from(payload, "base64url").toString());
  const expires = fields.get("expires") ?? "";
  if (!/^[1-9]\d{0,12}$/.test(expires)) return undefined;
  const prefix = fields.get("prefix");
  if (prefix !== null && !isPrefix(prefix)) return undefined;
  const client = fields.get("client");
  const methods = fields.get("methods");
  return {
    expiresAtSeconds: Number(expires),
    ...(prefix === null ? {} : { prefix }),
    ...(client === null ? {} : { client }),
    ...(methods === null ? {} : { methods: methods.split(",") }),
  };
}

/** Without the slash at its end, `/a` would let its holder into `/a-private` too. */
function isPrefix(text: string): boolean {
  return text.startsWith("/") && text.endsWith("/");
}

function hmac(key: SigningKey, payload: string, covered: string): string {
  return createHmac("sha256", key.secret).update(`${CONTEXT}\n${key.id}.${payload}\n${covered}`).digest("base64url");
}

/** The text is compared, not what it decodes to: base64url has several spellings for the same bytes. */
function isEqual(found: string, expected: string): boolean {
  const a = Buffer.from(found);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
