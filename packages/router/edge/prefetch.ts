import { describeError } from "@neson/kit/error";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { header } from "@neson/kit/http/answer";
import type { CatalogEntry } from "../catalog/entry.ts";
import type { Landing } from "../origin/flight.ts";
import { plan } from "../policy/plan.ts";
import { isPlaylist, MAX_PLAYLIST_BYTES } from "../prefetch/playlist.ts";
import type { Site } from "../sites/site.ts";
import type { EdgeParts } from "./exchange.ts";
import { keyed } from "./seen.ts";

/** What became of one target. "busy": the origin asks to be left alone for a while. */
export interface Prefetched {
  state: "stored" | "fresh" | "not-storable" | "failed" | "busy";
  detail?: string;
  /** Of the body, where it is stored. */
  bytes: number;
  /** The text of a playlist. */
  playlist?: string;
}

/**
 * Pulls what a viewer who asks for nothing in particular would get, as a viewer's request would have it pulled and stored, and has Terminals save it. What lets
 * viewers in (signatures, networks, rates) is not asked: it is the site's owner who wants it.
 */
export async function prefetch(site: Site, target: string, parts: EdgeParts): Promise<Prefetched> {
  if (parts.spendStateOf(site.name) === "stopped") return failed("the month's spend cap is reached");
  const request = keyed(parts.rules.forOwner(ownersRequest(site, target), site), site);
  const entry = await parts.catalog.find(site.name, request.target, request.headers);
  const decision = plan(request, entry, parts.clock.nowMs(), site.cache);
  if (decision.kind === "hit" && entry !== undefined) {
    parts.steering.stored(entry, site);
    return await stored("fresh", entry, parts);
  }
  if (parts.flights.isInTrouble(site.name, request.target)) return failed("storing it failed a moment ago");
  const conditions = decision.kind === "revalidate" ? decision.conditions : [];
  const order =
    entry === undefined ? { site, request } : { site, request, stored: { entry, conditions, coversErrors: false } };
  const { landing, isLeader, over } = await parts.flights.board(order, false);
  return await settled(landing, isLeader, over, { site, request, parts });
}

async function settled(
  landing: Landing,
  isLeader: boolean,
  over: Promise<void>,
  { site, request, parts }: { site: Site; request: EdgeRequest; parts: EdgeParts },
): Promise<Prefetched> {
  switch (landing.kind) {
    case "failed":
      return failed(describeError(landing.error));
    case "unstorable": {
      const { status } = landing.response;
      if (isLeader) landing.response.discard();
      if (status === 429 || status === 503) return { state: "busy", detail: `the origin answered ${status}`, bytes: 0 };
      return {
        state: "not-storable",
        detail: `the origin's answer, of status ${status}, must not be stored for others`,
        bytes: 0,
      };
    }
    case "confirmed":
      return await stored("stored", landing.entry, parts);
    case "storing": {
      await over;
      const entry = await parts.catalog.find(site.name, request.target, request.headers);
      return entry === undefined
        ? failed("it broke off, or was purged on its way")
        : await stored("stored", entry, parts);
    }
    default:
      return landing satisfies never;
  }
}

async function stored(state: "stored" | "fresh", entry: CatalogEntry, { shield }: EdgeParts): Promise<Prefetched> {
  const { size } = entry.object;
  if (size > MAX_PLAYLIST_BYTES || !isPlaylist(header(entry.headers, "content-type"), entry.key))
    return { state, bytes: size };
  const bytes = await shield.load(entry.object);
  if (bytes === undefined) return { state, bytes: size };
  return { state, bytes: size, playlist: new TextDecoder().decode(bytes) };
}

function failed(detail: string): Prefetched {
  return { state: "failed", detail, bytes: 0 };
}

/** Nobody's in particular: only what every client sends. */
function ownersRequest(site: Site, target: string): EdgeRequest {
  const headers = { accept: "*/*", "user-agent": "NESON-prefetch" };
  return {
    ...{ method: "GET", target, host: site.hosts[0] ?? "", headers, httpVersion: "1.1", remoteAddress: "127.0.0.1" },
    rawHeaders: ["Accept", headers.accept, "User-Agent", headers["user-agent"]],
    signal: new AbortController().signal,
    body: (async function* () {})(),
    trailers: () => [],
    inform: () => {},
  };
}
