import type { Site } from "../sites/site.ts";
import { type OriginUrl, parseOriginUrl } from "./origin-url.ts";

/** One of a site's origins. */
export interface Target {
  /** Unique among the site's. */
  url: string;
  origin: OriginUrl;
  /** What the Host field says. */
  hostField: string;
  /** Name that its certificate must have; undefined for an IP address without a name. */
  serverName: string;
  weight: number;
  isBackup: boolean;
}

const known = new WeakMap<Site, readonly Target[]>();

/** All origins of a site, its `origin` first. Sites are replaced, never changed, so each is read once. */
export function targetsOf(site: Site): readonly Target[] {
  const found = known.get(site);
  if (found !== undefined) return found;
  const { hostName, others, weight } = site.origins;
  const targets = [{ url: site.origin, weight, isBackup: false }, ...others].map((other): Target => {
    const origin = parseOriginUrl(other.url);
    const hostField = hostName ?? origin.host;
    const serverName = hostName?.replace(/:\d+$/, "") ?? origin.hostname;
    return { ...other, origin, hostField, serverName };
  });
  known.set(site, targets);
  return targets;
}
