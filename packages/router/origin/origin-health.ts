import type { Clock } from "@neson/kit/clock";
import type { Site } from "../sites/site.ts";
import { type Target, targetsOf } from "./targets.ts";

/** Weight of the newest request in the mean of the times to answer. */
const LATENCY_SHARE = 0.1;

/** How one of a site's origins does. */
export interface OriginFigures {
  url: string;
  isBackup: boolean;
  /** What its checks say; true where there are none. */
  isHealthy: boolean;
  /** Whether requests leave it alone for a while after too many failures. */
  isEjected: boolean;
  requests: number;
  failures: number;
  /** Requests that came here because another origin, or this one a moment ago, failed. */
  retries: number;
  /** Running mean of the times to the header section, ms; undefined before the first. */
  latencyMs: number | undefined;
}

interface State {
  requests: number;
  failures: number;
  retries: number;
  latencyMs: number | undefined;
  failuresInRow: number;
  ejectedUntilMs: number;
  isHealthy: boolean;
  /** Checks in a row that contradict `isHealthy`. */
  contrary: number;
}

/** What is known of every site's origins, and which is to be asked next. */
export class OriginHealth {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** By site name and URL, so that a change of other settings forgets nothing. */
  readonly #sites = new Map<string, Map<string, State>>();

  /** @param deps.random 0 to 1, for the weighted choice */
  constructor(deps: { clock: Clock; random: () => number }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  /**
   * The origin to ask, not one of those already tried: by weight among those in order, then among the backups, then among all. Undefined when all
   * were tried.
   */
  choose(site: Site, tried: ReadonlySet<Target>): Target | undefined {
    const targets = targetsOf(site);
    const [only] = targets;
    if (targets.length === 1) return only === undefined || tried.has(only) ? undefined : only;
    const left = targets.filter((target) => !tried.has(target));
    const nowMs = this.#clock.nowMs();
    const inOrder = left.filter((target) => this.#isInOrder(site, target, nowMs));
    for (const group of [inOrder, left]) {
      const primaries = group.filter(({ isBackup }) => !isBackup);
      const chosen = this.#byWeight(primaries.length > 0 ? primaries : group);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  /** A request went to an origin. */
  asked(site: Site, target: Target, isRetry: boolean): void {
    const state = this.#stateOf(site, target);
    state.requests += 1;
    if (isRetry) state.retries += 1;
  }

  /** It answered, after so long. */
  answered(site: Site, target: Target, latencyMs: number): void {
    const state = this.#stateOf(site, target);
    state.failuresInRow = 0;
    state.ejectedUntilMs = 0;
    state.latencyMs =
      state.latencyMs === undefined ? latencyMs : state.latencyMs + (latencyMs - state.latencyMs) * LATENCY_SHARE;
  }

  /** It did not, or said that it cannot. */
  failed(site: Site, target: Target): void {
    const state = this.#stateOf(site, target);
    state.failures += 1;
    state.failuresInRow += 1;
    const { failures, seconds } = site.origins.eject;
    if (state.failuresInRow >= failures) state.ejectedUntilMs = this.#clock.nowMs() + seconds * 1000;
  }

  /** A check of an origin ended. */
  checked(site: Site, target: Target, isFine: boolean): void {
    const state = this.#stateOf(site, target);
    state.contrary = isFine === state.isHealthy ? 0 : state.contrary + 1;
    const { unhealthyAfter = 1, healthyAfter = 1 } = site.origins.health ?? {};
    if (state.contrary < (state.isHealthy ? unhealthyAfter : healthyAfter)) return;
    state.isHealthy = isFine;
    state.contrary = 0;
    if (isFine) state.ejectedUntilMs = 0;
  }

  /** How a site's origins do. */
  figures(site: Site): OriginFigures[] {
    const nowMs = this.#clock.nowMs();
    return targetsOf(site).map((target) => {
      const { url, isBackup } = target;
      const { isHealthy, ejectedUntilMs, requests, failures, retries, latencyMs } = this.#stateOf(site, target);
      return { url, isBackup, isHealthy, isEjected: ejectedUntilMs > nowMs, requests, failures, retries, latencyMs };
    });
  }

  /** Forgets sites that are no more. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#sites.keys()) if (!names.has(name)) this.#sites.delete(name);
  }

  #isInOrder(site: Site, target: Target, nowMs: number): boolean {
    const state = this.#stateOf(site, target);
    return state.isHealthy && state.ejectedUntilMs <= nowMs;
  }

  #byWeight(targets: readonly Target[]): Target | undefined {
    const total = targets.reduce((sum, { weight }) => sum + weight, 0);
    let at = this.#random() * total;
    for (const target of targets) {
      at -= target.weight;
      if (at < 0) return target;
    }
    return targets[0];
  }

  #stateOf(site: Site, { url }: Target): State {
    let states = this.#sites.get(site.name);
    if (states === undefined) {
      states = new Map();
      this.#sites.set(site.name, states);
    }
    let state = states.get(url);
    if (state === undefined) {
      state = {
        ...{ requests: 0, failures: 0, retries: 0, latencyMs: undefined },
        ...{ failuresInRow: 0, ejectedUntilMs: 0, isHealthy: true, contrary: 0 },
      };
      const urls = new Set(targetsOf(site).map((target) => target.url));
      for (const known of states.keys()) if (!urls.has(known)) states.delete(known);
      states.set(url, state);
    }
    return state;
  }
}
