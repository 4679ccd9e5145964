import type { TerminalMessage } from "@neson/protocol/messages";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { RecentIds } from "./recent-ids.ts";
import type { Registry } from "./registry.ts";

type Evict = Extract<TerminalMessage, { type: "evict" }>;

/** Share of the bytes asked for that may be kept back: a Terminal that must shrink always can. */
const MAX_KEPT_SHARE = 0.5;
/** Looks into other Terminals' holdings for one answer, some 10 ms of work; past it nothing more is kept. */
const MAX_LOOKUPS = 200_000;

/** What judging an `evict` needs. */
export interface EvictionDeps {
  registry: Pick<Registry, "all">;
  /** Objects for which a ticket may still be open. */
  ticketed: Pick<RecentIds, "has">;
}

/**
 * The objects of an `evict` that must stay: the only replica among the connected Terminals of something that a viewer may come for with a ticket,
 * or that was saved so lately that nobody could ask for it yet. The most wanted come first, up to half of the bytes asked for.
 */
export function objectsToKeep(
  asked: Evict["objects"],
  terminal: ConnectedTerminal,
  nowMs: number,
  deps: EvictionDeps,
): string[] {
  const others = deps.registry.all().filter((other) => other !== terminal);
  let mayKeepBytes = asked.reduce((sum, { bytes }) => sum + bytes, 0) * MAX_KEPT_SHARE;
  let lookupsLeft = MAX_LOOKUPS;
  const keep = new Set<string>();
  for (const { objectId, bytes } of asked.toReversed()) {
    if (bytes > mayKeepBytes || keep.has(objectId)) continue;
    if (!deps.ticketed.has(objectId, nowMs) && !terminal.savedLately(objectId, nowMs)) continue;
    lookupsLeft -= others.length;
    if (lookupsLeft < 0) break;
    if (others.some((other) => other.holdsObject(objectId))) continue;
    keep.add(objectId);
    mayKeepBytes -= bytes;
  }
  return [...keep];
}
