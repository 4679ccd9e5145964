import { header } from "@neson/kit/http/answer";
import type { CatalogEntry } from "../catalog/entry.ts";
import { deliveryFor } from "../policy/delivery.ts";
import type { ConnectedTerminal } from "../registry/connected-terminal.ts";
import type { Registry } from "../registry/registry.ts";
import type { Site } from "../sites/site.ts";
import { chooseAmong } from "./choose.ts";
import { rankTop, seedOf } from "./rank.ts";
import type { SteerAnswer, Steering, SteerQuery } from "./steering.ts";
import type { TicketMint } from "./ticket-mint.ts";

/** Terminals that come to hold an object without anyone having to wait for a fill. */
const REPLICAS = 3;
/** How far down the ranking a choice may go when the first are full or have failed. */
const RANKED = 8;
/** Mirrors beside the first URL. */
const MAX_MIRRORS = 2;
/** Objects whose ranking is kept ready. */
const MAX_CACHED_RANKINGS = 20_000;

/** What steering needs. */
export interface SteererDeps {
  registry: Registry;
  mint: TicketMint;
  nowMs: () => number;
  /** Asks a Terminal to save an object. */
  save: (terminal: ConnectedTerminal, entry: CatalogEntry, site: Site) => void;
}

/** Ranks, chooses and signs: the Router's answer to "which Terminals should this viewer go to". */
export function createSteerer(deps: SteererDeps): Steering {
  const rankingOf = createRankings(deps.registry);
  return {
    steer: (query) => steer(query, rankingOf(query.entry.object.objectId), deps),
    stored: (entry, site) => {
      if (!isSteered(entry, site)) return;
      const nowMs = deps.nowMs();
      const ranking = rankingOf(entry.object.objectId);
      for (const terminal of ranking) terminal.notePublished(entry.object.objectId);
      const replicas = ranking
        .filter((terminal) => terminal.hasRoomFor(entry.object.size))
        .filter((terminal) => !terminal.recentlyFailed(entry.object.objectId, nowMs))
        .slice(0, REPLICAS);
      for (const terminal of replicas) {
        if (!terminal.holds(entry.object.objectId, entry.headersId)) deps.save(terminal, entry, site);
      }
    },
  };
}

function steer(query: SteerQuery, ranking: readonly ConnectedTerminal[], deps: SteererDeps): SteerAnswer | undefined {
  if (ranking.length === 0) return undefined;
  const { entry, site } = query;
  const nowMs = deps.nowMs();
  const nowSeconds = Math.floor(nowMs / 1000);
  const usable = chooseAmong(ranking, {
    replicas: REPLICAS,
    meanUtilisation: meanUtilisation(ranking, nowSeconds),
    nowSeconds,
    usable: (terminal) => !terminal.isUnreachable && !terminal.recentlyFailed(entry.object.objectId, nowMs),
  });
  const chosen = usable[0];
  if (chosen === undefined) return undefined;
  const group = deps.mint.group({
    entry,
    siteName: site.name,
    siteHost: query.siteHost,
    clientAddress: query.clientAddress,
  });
  const wanted = query.range === undefined ? entry.object.size : query.range.last - query.range.first + 1;
  chosen.awaitedSinceMs ??= nowMs;
  chosen.tickets.issue(wanted, group.expiresAtSeconds, nowSeconds);
  const behindTicket = `/${query.siteHost}${query.target}`;
  const urls: string[] = [];
  const hosts = new Set<string>();
  for (const terminal of usable) {
    if (urls.length > MAX_MIRRORS || hosts.has(terminal.host)) continue;
    hosts.add(terminal.host);
    urls.push(`${terminal.endpoint}/v1/${group.ticketFor(terminal.id, urls.length)}${behindTicket}`);
  }
  return { urls, terminalId: chosen.id };
}

function meanUtilisation(terminals: readonly ConnectedTerminal[], nowSeconds: number): number {
  let sum = 0;
  for (const terminal of terminals) sum += terminal.utilisation(nowSeconds);
  return sum / terminals.length;
}

function isSteered(entry: CatalogEntry, site: Site): boolean {
  const path = entry.key.split("?", 1)[0] ?? entry.key;
  const contentType = header(entry.headers, "content-type");
  return deliveryFor(site.rules, { path, contentType, size: entry.object.size }) !== "router";
}

/** Rankings of recently asked objects, valid until a Terminal comes or goes. */
function createRankings(registry: Registry): (objectId: string) => readonly ConnectedTerminal[] {
  let version = -1;
  const rankings = new Map<string, readonly ConnectedTerminal[]>();
  return (objectId) => {
    if (registry.version() !== version) {
      rankings.clear();
      version = registry.version();
    }
    let ranking = rankings.get(objectId);
    if (ranking === undefined) {
      ranking = rankTop(seedOf(objectId), registry.all(), RANKED);
      if (rankings.size >= MAX_CACHED_RANKINGS) rankings.clear();
      rankings.set(objectId, ranking);
    }
    return ranking;
  };
}
