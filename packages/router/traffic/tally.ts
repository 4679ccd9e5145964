/** By what figures can be told apart. */
export const DIMENSIONS = ["total", "sender", "outcome", "status", "country", "terminal"] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/** A number of requests, and the body bytes they brought. */
export interface Count {
  requests: number;
  bytes: number;
}

/** One count of a site's traffic. */
export interface Counted extends Count {
  dimension: Dimension;
  value: string;
}

/** Values of one dimension that are kept apart between two takings; what comes after them counts as "other". */
const MAX_VALUES = 1000;
const OTHER = "other";

/** What one site was asked for since the last taking. Adding costs a few look-ups: it runs for every request. */
export class SiteTally {
  readonly total: Count = { requests: 0, bytes: 0 };
  readonly #values = new Map<Dimension, Map<string, Count>>();

  /** The count of one value; add to it in place. */
  of(dimension: Exclude<Dimension, "total">, value: string): Count {
    let values = this.#values.get(dimension);
    if (values === undefined) {
      values = new Map();
      this.#values.set(dimension, values);
    }
    const known = values.get(value);
    if (known !== undefined) return known;
    if (values.size >= MAX_VALUES && value !== OTHER) return this.of(dimension, OTHER);
    const count: Count = { requests: 0, bytes: 0 };
    values.set(value, count);
    return count;
  }

  /** Every count, the total first. */
  *counts(): Generator<Counted> {
    yield { dimension: "total", value: "", ...this.total };
    for (const [dimension, values] of this.#values) {
      for (const [value, count] of values) yield { dimension, value, ...count };
    }
  }
}

/** Tallies by site, taken away at intervals to be written down. */
export class Tallies {
  #sites = new Map<string, SiteTally>();

  /** The running tally of a site. Do not keep it: it is another one after `take`. */
  of(site: string): SiteTally {
    let tally = this.#sites.get(site);
    if (tally === undefined) {
      tally = new SiteTally();
      this.#sites.set(site, tally);
    }
    return tally;
  }

  /** All tallies, which start afresh. */
  take(): ReadonlyMap<string, SiteTally> {
    const taken = this.#sites;
    this.#sites = new Map();
    return taken;
  }
}
