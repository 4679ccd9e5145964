import type { Site } from "../sites/site.ts";

/** A site's origin, taken apart once. */
export interface OriginUrl {
  isTls: boolean;
  /** Without brackets for IPv6. */
  hostname: string;
  port: number;
  /** As the Host field wants it: with the port unless it is the scheme's own. */
  host: string;
  /** Path before every target, without its last slash; "" at the root. */
  base: string;
}

const parsed = new WeakMap<Site, OriginUrl>();

/** The parts of a site's origin URL. Sites are replaced, never changed, so each is parsed once. */
export function originUrlOf(site: Site): OriginUrl {
  const known = parsed.get(site);
  if (known !== undefined) return known;
  const url = new URL(site.origin);
  const isTls = url.protocol === "https:";
  const origin = {
    isTls,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    host: url.host,
    base: url.pathname.replace(/\/+$/, ""),
  };
  parsed.set(site, origin);
  return origin;
}
