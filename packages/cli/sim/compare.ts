import { mostHits } from "./bound.ts";
import { type Contender, contenders } from "./contenders.ts";
import { nextUses } from "./policies/belady.ts";
import type { Trace } from "./trace.ts";

/** How one policy did at one cache size. */
export interface Score {
  policy: string;
  isOnline: boolean;
  /** Share of requests for what was held. */
  objectHitRatio: number;
  /** Share of requested bytes that was held; the same as above for a log without sizes. */
  byteHitRatio: number;
  /** Object hits over the most that are possible. */
  shareOfBound: number;
  microsecondsPerRequest: number;
}

/** All policies at one cache size. */
export interface Comparison {
  /** Cache size as a share of the footprint. */
  share: number;
  capacityBytes: number;
  /** No policy can have a higher object hit ratio. */
  boundHitRatio: number;
  scores: Score[];
}

/** What a comparison needs beside the log. */
export interface CompareDeps {
  /** A clock that only goes forward, in milliseconds. */
  nowMs: () => number;
  /** Told before each replay. */
  onStep?: (policy: string, share: number) => void;
}

/** The bound's name, for people: exact for equal sizes, an upper estimate for others. */
export function boundName(trace: Trace): string {
  return trace.hasSizes ? "PFOO-U (no policy can do better; none may reach it)" : "Belady's MIN (the best possible)";
}

/** Replays a log through every policy at every cache size (shares of the log's footprint). */
export function compare(trace: Trace, shares: readonly number[], deps: CompareDeps): Comparison[] {
  const next = nextUses(trace.keys, trace.sizes.length);
  return shares.map((share) => {
    const capacityBytes = Math.max(1, Math.floor(trace.footprintBytes * share));
    const scores = contenders.map((contender) => {
      deps.onStep?.(contender.name, share);
      return replay(trace, contender, { capacityBytes, next, nowMs: deps.nowMs });
    });
    const best = scores.find((score) => score.policy === "Belady")?.objectHitRatio ?? 0;
    const boundHitRatio = trace.hasSizes ? mostHits(trace.keys, trace.sizes, capacityBytes) / trace.keys.length : best;
    for (const score of scores) score.shareOfBound = boundHitRatio === 0 ? 1 : score.objectHitRatio / boundHitRatio;
    return { share, capacityBytes, boundHitRatio, scores };
  });
}

interface ReplayOptions {
  capacityBytes: number;
  next: Float64Array;
  nowMs: () => number;
}

function replay(trace: Trace, contender: Contender, { capacityBytes, next, nowMs }: ReplayOptions): Score {
  const { keys, sizes } = trace;
  const policy = contender.build({ capacityBytes, sizes }, next);
  let hits = 0;
  let hitBytes = 0;
  let bytes = 0;
  const startMs = nowMs();
  for (const key of keys) {
    const size = sizes[key] as number;
    bytes += size;
    if (!policy.request(key)) continue;
    hits++;
    hitBytes += size;
  }
  return {
    policy: contender.name,
    isOnline: contender.isOnline,
    objectHitRatio: hits / keys.length,
    byteHitRatio: hitBytes / bytes,
    shareOfBound: 0,
    microsecondsPerRequest: ((nowMs() - startMs) * 1000) / keys.length,
  };
}
