import type { Clock } from "@neson/kit/clock";
import type { Site, Sites } from "../sites/site.ts";
import type { OriginHealth } from "./origin-health.ts";
import { type Target, targetsOf } from "./targets.ts";

const LOOK_MS = 1000;
/** Checks under way at once; more wait for the next look. */
const MAX_UNDER_WAY = 64;
/** Checks of many sites that started together drift apart. */
const JITTER = 0.1;

/** What checks work with. */
export interface ChecksDeps {
  sites: Pick<Sites, "list">;
  health: OriginHealth;
  clock: Clock;
  /** 0 to 1. */
  random: () => number;
  /** Asks one origin for a path; its status. Rejects when there is none in time. */
  probe(site: Site, target: Target, order: { path: string; timeoutMs: number; signal: AbortSignal }): Promise<number>;
}

/** Asks the origins of sites with a health check, until disposed of, whether they are in order. */
export class OriginChecks implements AsyncDisposable {
  readonly #deps: ChecksDeps;
  readonly #dueMs = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #timer: Timer;

  constructor(deps: ChecksDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Begins the checks that are due. */
  look(): void {
    const { sites, clock, random } = this.#deps;
    const nowMs = clock.nowMs();
    const known = new Set<string>();
    for (const site of sites.list()) {
      const { health } = site.origins;
      if (health === undefined) continue;
      for (const target of targetsOf(site)) {
        const id = `${site.name} ${target.url}`;
        known.add(id);
        if (this.#underWay.has(id) || (this.#dueMs.get(id) ?? 0) > nowMs) continue;
        if (this.#underWay.size >= MAX_UNDER_WAY) continue;
        this.#dueMs.set(id, nowMs + health.everySeconds * 1000 * (1 - JITTER + 2 * JITTER * random()));
        this.#underWay.set(
          id,
          this.#check(site, target).finally(() => this.#underWay.delete(id)),
        );
      }
    }
    for (const id of this.#dueMs.keys()) if (!known.has(id)) this.#dueMs.delete(id);
  }

  /** Resolves when the checks under way are over. */
  async over(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort(new Error("the Router is stopping"));
    await this.over();
  }

  async #check(site: Site, target: Target): Promise<void> {
    const { health: settings } = site.origins;
    if (settings === undefined) return;
    const { path, timeoutSeconds, statuses } = settings;
    let isFine = false;
    try {
      const order = { path, timeoutMs: timeoutSeconds * 1000, signal: this.#stop.signal };
      isFine = statuses.includes(await this.#deps.probe(site, target, order));
    } catch {
      // No answer, or none in time: not in order.
    }
    if (!this.#stop.signal.aborted) this.#deps.health.checked(site, target, isFine);
  }
}
