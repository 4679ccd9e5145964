import type { Clock } from "@neson/kit/clock";
import type { Db } from "../db/database.ts";
import type { Site, Sites } from "../sites/site.ts";
import { noteAlert } from "./alert-tables.ts";
import { costOf, type Prices, parseMoney, priceOf } from "./cost.ts";
import {
  type KeptUsage,
  NO_USAGE,
  noteCap,
  readUsage,
  readUsageOfAll,
  type Usage,
  utcMonthOf,
} from "./usage-tables.ts";

/** How a site may be served: `router-only` without Terminals, `stopped` not at all. */
export type SpendState = "open" | "router-only" | "stopped";

/** A month of a site in money. */
export interface Spending {
  month: string;
  usage: Usage;
  /** Micros; what the usage would cost without a cap. */
  priceMicros: number;
  /** Micros; what is charged. */
  costMicros: number;
  capMicros: number | undefined;
  state: SpendState;
}

/** What the guard works with. */
export interface SpendGuardDeps {
  db: Db;
  sites: Pick<Sites, "byName" | "list">;
  clock: Clock;
}

/** Other Routers spend too, a month ends, and a cap may be changed elsewhere: everything is judged again this often. */
const JUDGE_ALL_MS = 15_000;

/** Knows which sites have reached their cap. The answer is in memory; what it follows from is in the database, so restarts change nothing. */
export class SpendGuard {
  readonly #prices: Prices;
  readonly #deps: SpendGuardDeps;
  readonly #closed = new Map<string, Exclude<SpendState, "open">>();
  #judgedAllAtMs = Number.NEGATIVE_INFINITY;

  constructor(prices: Prices, deps: SpendGuardDeps) {
    this.#prices = prices;
    this.#deps = deps;
  }

  /** How a site may be served now. */
  stateOf(siteName: string): SpendState {
    return this.#closed.get(siteName) ?? "open";
  }

  /** Judges sites whose usage was just written, and now and then all of them. Call once before serving. */
  async judge(siteNames: readonly string[]): Promise<void> {
    const { db, sites, clock } = this.#deps;
    const nowMs = clock.nowMs();
    if (nowMs - this.#judgedAllAtMs < JUDGE_ALL_MS) {
      for (const name of siteNames) await this.#judgeOne(sites.byName(name));
      return;
    }
    this.#judgedAllAtMs = nowMs;
    const usages = await readUsageOfAll(db, utcMonthOf(nowMs));
    const known = new Set<string>();
    for (const site of sites.list()) {
      known.add(site.name);
      await this.#apply(site, usages.get(site.name) ?? NO_USAGE);
    }
    for (const name of this.#closed.keys()) if (!known.has(name)) this.#closed.delete(name);
  }

  /** A site's month so far, or another month's. */
  async spending(site: Site, month = utcMonthOf(this.#deps.clock.nowMs())): Promise<Spending> {
    return this.#spendingOf(site, month, await readUsage(this.#deps.db, site.name, month));
  }

  /** A month of several sites, those without any usage included. */
  async spendingOfAll(sites: readonly Site[], month: string): Promise<Spending[]> {
    const usages = await readUsageOfAll(this.#deps.db, month);
    return sites.map((site) => this.#spendingOf(site, month, usages.get(site.name) ?? NO_USAGE));
  }

  async #judgeOne(site: Site | undefined): Promise<void> {
    if (site === undefined) return;
    const month = utcMonthOf(this.#deps.clock.nowMs());
    await this.#apply(site, await readUsage(this.#deps.db, site.name, month));
  }

  async #apply(site: Site, usage: KeptUsage): Promise<void> {
    const { db, clock } = this.#deps;
    const spending = this.#spendingOf(site, utcMonthOf(clock.nowMs()), usage);
    const { capMicros, month } = spending;
    if (usage !== NO_USAGE && usage.capMicros !== capMicros) await noteCap(db, site.name, month, capMicros);
    if (spending.state === "open") this.#closed.delete(site.name);
    else this.#closed.set(site.name, spending.state);
    await this.#raiseAlerts(site, spending);
  }

  #spendingOf(site: Site, month: string, { capMicros: keptMicros, ...usage }: KeptUsage): Spending {
    const { cap } = site.spend;
    // What a month that is over cost does not change with the settings of today.
    const isOver = month !== utcMonthOf(this.#deps.clock.nowMs());
    const capMicros = isOver ? keptMicros : cap === undefined ? undefined : parseMoney(cap.amount);
    const priceMicros = priceOf(usage, this.#prices);
    const costMicros = costOf(priceMicros, capMicros);
    const isReached = capMicros !== undefined && priceMicros >= capMicros;
    const state = !isReached ? "open" : cap?.atLimit === "stop" ? "stopped" : "router-only";
    return { month, usage, priceMicros, costMicros, capMicros, state };
  }

  async #raiseAlerts(site: Site, spending: Spending): Promise<void> {
    const { capMicros, priceMicros, costMicros, month } = spending;
    if (capMicros === undefined) return;
    for (const percent of site.spend.alertPercents) {
      if (priceMicros * 100 < capMicros * percent) continue;
      const alert = { site: site.name, month, percent, capMicros, costMicros };
      await noteAlert(this.#deps.db, alert, this.#deps.clock.nowMs());
    }
  }
}
