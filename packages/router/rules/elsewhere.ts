import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import { cacheStatus } from "../policy/cache-status.ts";
import type { Site } from "../sites/site.ts";
import { redirectionFor } from "./redirects.ts";

/** A request that may have to go to another URL. */
export interface Aimed {
  request: EdgeRequest;
  site: Site;
  /** How the viewer came, if a trusted proxy said so. */
  statedScheme: "http" | "https" | undefined;
  /** How viewers reach this Router in general. */
  edgeScheme: "http" | "https";
  /** The target as it came, signature included. */
  fullTarget: string;
}

/** How long browsers may keep a permanent redirect: short, so that a mistake can be mended. */
const PERMANENT = "max-age=300";

/** The redirect of a site's settings: first to the right scheme and host in one step, then by path; undefined when the request is right here. */
export function elsewhere({ request, site, statedScheme, edgeScheme, fullTarget }: Aimed): Answer | undefined {
  const { canonicalHost, upgradeToHttps, redirects } = site.rewrite;
  const { hostname, port } = hostOf(request.host);
  // On a guess, a proxy that is not trusted and takes https itself would send the viewer round for ever.
  const isUpgrade = upgradeToHttps && statedScheme === "http";
  const scheme = isUpgrade ? "https" : (statedScheme ?? edgeScheme);
  const host = canonicalHost ?? hostname;
  if (isUpgrade || host !== hostname) {
    // Which port serves https, if not the usual one, nobody said.
    const authority = isUpgrade ? host : host + port;
    const isRead = request.method === "GET" || request.method === "HEAD";
    // RFC 9110 15.4.9: only 308 keeps method and content for certain.
    return redirectAnswer(isRead ? 301 : 308, `${scheme}://${authority}${fullTarget}`);
  }
  const found = redirects.length === 0 ? undefined : redirectionFor(redirects, request.target);
  return found === undefined ? undefined : redirectAnswer(found.status, found.location);
}

function redirectAnswer(status: number, location: string): Answer {
  const isPermanent = status === 301 || status === 308;
  return {
    status,
    headers: [
      ...["Location", location, "Content-Length", "0", "Cache-Control", isPermanent ? PERMANENT : "no-store"],
      ...["Cache-Status", cacheStatus({ hit: false, fwd: "bypass", detail: "redirect" })],
    ],
    body: null,
  };
}

function hostOf(host: string): { hostname: string; port: string } {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || host.endsWith("]")) return { hostname: host, port: "" };
  return { hostname: host.slice(0, colon), port: host.slice(colon) };
}
