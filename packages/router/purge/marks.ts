import { isAimedAt, type Purgeable, type PurgeOrder, pathOf } from "./order.ts";

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

/** A site's marks: those for one path by that path, since an owner may set thousands of them at once; all others together. */
interface SiteMarks {
  byPath: Map<string, Set<Mark>>;
  wide: Set<Mark>;
}

const NONE: ReadonlySet<Mark> = new Set();

/**
 * Purges that are being carried out. From the moment a mark is set, nothing that it is aimed at is served from the store or kept from a pull that
 * began before it, however long the rows take to go. Costs one look-up while there is none.
 */
export class PurgeMarks {
  readonly #bySite = new Map<string, SiteMarks>();

  /** Sets a mark; lift it when nothing is left that it could be aimed at. */
  set(mark: Mark): void {
    const { site } = mark.order;
    let marks = this.#bySite.get(site);
    if (marks === undefined) {
      marks = { byPath: new Map(), wide: new Set() };
      this.#bySite.set(site, marks);
    }
    const path = onlyPathOf(mark.order);
    if (path === undefined) {
      marks.wide.add(mark);
      return;
    }
    const others = marks.byPath.get(path);
    if (others === undefined) marks.byPath.set(path, new Set([mark]));
    else others.add(mark);
  }

  lift(mark: Mark): void {
    const { site } = mark.order;
    const marks = this.#bySite.get(site);
    if (marks === undefined) return;
    const path = onlyPathOf(mark.order);
    const among = path === undefined ? marks.wide : marks.byPath.get(path);
    among?.delete(mark);
    if (path !== undefined && among?.size === 0) marks.byPath.delete(path);
    if (marks.wide.size === 0 && marks.byPath.size === 0) this.#bySite.delete(site);
  }

  /** True while something of the site is being purged. */
  concerns(site: string): boolean {
    return this.#bySite.has(site);
  }

  judge(thing: Dated): Judgement {
    const marks = this.#bySite.get(thing.site);
    if (marks === undefined) return "untouched";
    let staleSinceMs: number | undefined;
    for (const among of [marks.wide, marks.byPath.get(pathOf(thing.key)) ?? NONE]) {
      for (const { order, atMs } of among) {
        if (thing.requestTimeMs > atMs || !isAimedAt(order, thing)) continue;
        if (order.mode === "hard") return "gone";
        staleSinceMs = Math.min(staleSinceMs ?? atMs, atMs);
      }
    }
    return staleSinceMs === undefined ? "untouched" : { staleSinceMs };
  }

  /** Whether something on its way is out of date: it must be neither kept nor given to anyone who asks from now on. */
  isOutdated(thing: Dated): boolean {
    return this.concerns(thing.site) && this.judge(thing) !== "untouched";
  }
}

/** The one path an order can be aimed at; undefined when there may be many. */
function onlyPathOf({ by, value }: PurgeOrder): string | undefined {
  return by === "url" || by === "path" ? pathOf(value) : undefined;
}
