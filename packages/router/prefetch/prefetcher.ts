import { randomUUID } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Prefetched } from "../edge/prefetch.ts";
import type { Site, Sites } from "../sites/site.ts";
import { playlistTargets } from "./playlist.ts";
import type { PrefetchJob, PrefetchTables, PrefetchTarget } from "./prefetch-tables.ts";

/** Pulls of one site at once: what its origin has to bear besides its viewers. */
const PULLS_PER_SITE = 4;
/** Targets of one job, what playlists name included. */
const MAX_TARGETS = 10_000;
/** A playlist names playlists, which name segments. */
const MAX_DEPTH = 2;
/** How long an origin that asks for it is left alone, and how often before it counts as failed. */
const BUSY_MS = 5000;
const MAX_TRIES = 4;

/** What prefetching works with. */
export interface PrefetcherDeps {
  tables: PrefetchTables;
  sites: Pick<Sites, "byName">;
  /** Pulls one target. */
  pull: (site: Site, target: string) => Promise<Prefetched>;
  clock: Clock;
  log: Log;
}

/**
 * Pulls ahead of demand: one job of a site after the other, a few targets of it at once. Every target's end is written down, so that a process that was
 * stopped goes on with those that were waiting.
 */
export class Prefetcher implements AsyncDisposable {
  readonly #deps: PrefetcherDeps;
  readonly #lines = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(deps: PrefetcherDeps) {
    this.#deps = deps;
  }

  /**
   * Takes on a job; resolves once it is written down.
   * @param targets raw, each once
   */
  async prefetch(site: Site, targets: readonly string[], followsPlaylists: boolean): Promise<PrefetchJob> {
    const { tables, clock } = this.#deps;
    const [id, acceptedAtMs] = [randomUUID(), clock.nowMs()];
    const job = { id, site: site.name, followsPlaylists, acceptedAtMs, doneAtMs: undefined };
    await tables.begin(job, targets);
    this.#queue(job);
    const counts = { waiting: targets.length, stored: 0, fresh: 0, "not-storable": 0, failed: 0 };
    return { ...job, counts, bytes: 0 };
  }

  /** Takes up what was left undone. */
  async resume(): Promise<void> {
    for (const job of await this.#deps.tables.unfinished()) this.#queue(job);
  }

  /** Leaves what is under way; it is pulled again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#lines.values());
  }

  #queue(job: Omit<PrefetchJob, "counts" | "bytes">): void {
    const before = this.#lines.get(job.site) ?? Promise.resolve();
    const line = before
      .then(() => this.#run(job))
      .catch((error) => {
        const message = `a prefetch stopped, to go on at the next start: ${describeError(error)}`;
        this.#deps.log.error({ err: error, prefetch: job.id }, message);
      })
      .finally(() => {
        if (this.#lines.get(job.site) === line) this.#lines.delete(job.site);
      });
    this.#lines.set(job.site, line);
  }

  async #run(job: Omit<PrefetchJob, "counts" | "bytes">): Promise<void> {
    const { tables, clock } = this.#deps;
    for (let after = -1; !this.#stop.signal.aborted; ) {
      const batch = await tables.waiting(job.id, after, PULLS_PER_SITE * 8);
      const last = batch.at(-1);
      if (last === undefined) {
        await tables.done(job.id, clock.nowMs());
        return;
      }
      after = last.number;
      const next = batch.values();
      await Promise.all(
        Array.from({ length: PULLS_PER_SITE }, async () => {
          for (const target of next) await this.#pull(job, target);
        }),
      );
    }
  }

  async #pull(job: Omit<PrefetchJob, "counts" | "bytes">, { number, target, depth }: PrefetchTarget): Promise<void> {
    const { tables, sites } = this.#deps;
    if (this.#stop.signal.aborted) return;
    const site = sites.byName(job.site);
    const pulled = site === undefined ? GONE : await this.#pullPatiently(site, target);
    // Cut off by a stop: it goes on at the next start.
    if (pulled === undefined) return;
    const { state, detail, bytes, playlist } = pulled;
    if (site !== undefined && playlist !== undefined && job.followsPlaylists && depth < MAX_DEPTH) {
      await tables.add(job.id, playlistTargets(playlist, target, site.hosts), depth + 1, MAX_TARGETS);
    }
    await tables.end(job.id, number, { state: state === "busy" ? "failed" : state, detail, bytes });
  }

  /** Undefined when this process stops. */
  async #pullPatiently(site: Site, target: string): Promise<Prefetched | undefined> {
    const { pull, clock } = this.#deps;
    const { signal } = this.#stop;
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    for (let tries = 1; ; tries++) {
      const pulling = pull(site, target).catch(
        (error): Prefetched => ({ state: "failed", detail: describeError(error), bytes: 0 }),
      );
      const pulled = await Promise.race([pulling, stopped]);
      if (signal.aborted || pulled === undefined) return undefined;
      if (pulled.state !== "busy" || tries === MAX_TRIES) return pulled;
      await clock.sleep(BUSY_MS * tries, signal).catch(() => {});
      if (signal.aborted) return undefined;
    }
  }
}

const GONE: Prefetched = { state: "failed", detail: "the site is gone", bytes: 0 };
