import { isAimedAt, type Purgeable, type PurgeOrder } from "./order.ts";

/** A purge that counts from a moment on. */
export interface Mark {
  order: PurgeOrder;
  /** What was asked of the origin up to then is purged; what was asked later is not. */
  atMs: number;
}

/** Something stored or on its way, with the time when the origin was asked for it. */
export interface Dated extends Purgeable {
  requestTimeMs: number;
}

/** What marks say of something: it is gone, or was made stale at a time. */
export type Judgement = "untouched" | "gone" | { staleSinceMs: number };

/**
 * Purges that are being carried out. From the moment a mark is set, nothing that it is aimed at is served from the store or kept from a pull that
 * began before it, however long the rows take to go. Costs one look-up while there is none.
 */
export class PurgeMarks {
  readonly #bySite = new Map<string, Set<Mark>>();

  /** Sets a mark; lift it when nothing is left that it could be aimed at. */
  set(mark: Mark): void {
    const marks = this.#bySite.get(mark.order.site);
    if (marks === undefined) this.#bySite.set(mark.order.site, new Set([mark]));
    else marks.add(mark);
  }

  lift(mark: Mark): void {
    const { site } = mark.order;
    const marks = this.#bySite.get(site);
    marks?.delete(mark);
    if (marks?.size === 0) this.#bySite.delete(site);
  }

  /** True while something of the site is being purged. */
  concerns(site: string): boolean {
    return this.#bySite.has(site);
  }

  judge(thing: Dated): Judgement {
    let staleSinceMs: number | undefined;
    for (const { order, atMs } of this.#bySite.get(thing.site) ?? []) {
      if (thing.requestTimeMs > atMs || !isAimedAt(order, thing)) continue;
      if (order.mode === "hard") return "gone";
      staleSinceMs = Math.min(staleSinceMs ?? atMs, atMs);
    }
    return staleSinceMs === undefined ? "untouched" : { staleSinceMs };
  }

  /** Whether something on its way is out of date: it must be neither kept nor given to anyone who asks from now on. */
  isOutdated(thing: Dated): boolean {
    return this.concerns(thing.site) && this.judge(thing) !== "untouched";
  }
}
