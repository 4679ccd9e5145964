import { randomUUID } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Mark, PurgeMarks } from "./marks.ts";
import { isAimedAt, type PurgeOrder } from "./order.ts";
import type { PurgeJob, PurgeTables } from "./purge-tables.ts";

/** Progress is written down no more often. */
const NOTE_MS = 500;

/** What Terminals answered. */
export interface TerminalsTold {
  /** Ids of those that were told something. */
  told: readonly string[];
  /** Those of them that did not confirm it in time. */
  unconfirmed: readonly string[];
}

/** What purging works with. */
export interface PurgerDeps {
  tables: PurgeTables;
  marks: PurgeMarks;
  /** Drops what memory has of a site, or of one key of it: rows are read again. */
  forgetMemory: (site: string, key?: string) => void;
  /** Drops parts of files. `headers` are undefined for answers that have not come yet. */
  removeParts: (site: string, matches: (key: string, headers: readonly string[] | undefined) => boolean) => void;
  /** Removes those of the objects that no entry names any more from this Router; gives their ids. */
  removeUnnamed: (objectIds: readonly string[]) => Promise<string[]>;
  /** Has every Terminal that holds one of them drop it. */
  tellTerminals: (objectIds: readonly string[]) => Promise<TerminalsTold>;
  /** Resolves when the pulls of a site that are under way now are over. */
  pullsOver: (site: string) => Promise<void>;
  /** Told of each purge that begins here, so that other Routers carry it out as well. */
  publish: (order: PurgeOrder, id: string) => void;
  clock: Clock;
  log: Log;
}

/**
 * Carries out purges. An order takes effect at once, by its mark; rows, bytes and Terminals follow step by step, with everything else going on in
 * between. An order that a stopped process left undone goes on at the next start.
 */
export class Purger implements AsyncDisposable {
  readonly #deps: PurgerDeps;
  readonly #running = new Map<string, PurgeJob>();
  readonly #ends = new Set<Promise<void>>();
  #isStopping = false;

  constructor(deps: PurgerDeps) {
    this.#deps = deps;
  }

  /** Begins a purge; resolves once it is written down and in effect here. */
  async purge(order: PurgeOrder): Promise<PurgeJob> {
    const job: PurgeJob = {
      ...{ id: randomUUID(), order, acceptedAtMs: this.#deps.clock.nowMs(), doneAtMs: undefined },
      ...{ entries: 0, objects: 0, terminals: 0, unconfirmed: 0 },
    };
    const mark = this.#mark(job);
    try {
      await this.#deps.tables.begin(job);
    } catch (error) {
      this.#deps.marks.lift(mark);
      throw error;
    }
    this.#deps.publish(order, job.id);
    this.#start(job, mark);
    return { ...job };
  }

  /** Puts a purge into effect that began at another Router, which sees to the rows. */
  async apply(order: PurgeOrder, id: string): Promise<void> {
    const job: PurgeJob = {
      ...{ id, order, acceptedAtMs: this.#deps.clock.nowMs(), doneAtMs: undefined },
      ...{ entries: 0, objects: 0, terminals: 0, unconfirmed: 0 },
    };
    await this.#liftLater(job, this.#mark(job));
  }

  /** Takes up what was left undone. */
  async resume(): Promise<void> {
    for (const job of await this.#deps.tables.unfinished()) {
      if (!this.#running.has(job.id)) this.#start(job, this.#mark(job));
    }
  }

  /** A site's purge, with its progress at this moment. */
  async find(site: string, id: string): Promise<PurgeJob | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running.order.site === site ? { ...running } : undefined;
    return await this.#deps.tables.find(site, id);
  }

  /** A site's purges, newest first. */
  async list(site: string, limit: number): Promise<PurgeJob[]> {
    const jobs = await this.#deps.tables.list(site, limit);
    return jobs.map((job) => ({ ...(this.#running.get(job.id) ?? job) }));
  }

  /** Breaks off between two steps; what is left goes on at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#ends);
  }

  #mark({ order, acceptedAtMs }: PurgeJob): Mark {
    const mark = { order, atMs: acceptedAtMs };
    this.#deps.marks.set(mark);
    const { site } = order;
    this.#deps.removeParts(site, (key, headers) =>
      // Of an answer that has not come nobody knows the tags: it may be one of those that are meant.
      order.by === "tag" && headers === undefined ? true : isAimedAt(order, { site, key, headers }),
    );
    return mark;
  }

  #start(job: PurgeJob, mark: Mark): void {
    this.#running.set(job.id, job);
    const end = this.#run(job, mark)
      .catch((error) => {
        this.#deps.log.error({ err: error, purge: job.id }, `a purge stopped half-way: ${describeError(error)}`);
      })
      .finally(() => {
        this.#running.delete(job.id);
        this.#ends.delete(end);
      });
    this.#ends.add(end);
  }

  async #run(job: PurgeJob, mark: Mark): Promise<void> {
    const told = new Set<string>();
    const unconfirmed = new Set<string>();
    await this.#sweep(job, told, unconfirmed);
    if (this.#isStopping) return;
    job.doneAtMs = this.#deps.clock.nowMs();
    await this.#deps.tables.note(job);
    void this.#liftLater(job, mark);
  }

  /** Goes through the rows once. */
  async #sweep(job: PurgeJob, told: Set<string>, unconfirmed: Set<string>): Promise<void> {
    const { tables, clock } = this.#deps;
    const asking: Promise<void>[] = [];
    let notedAtMs = clock.nowMs();
    for (let after = ""; !this.#isStopping; ) {
      const keys = await tables.keysAfter(job.order, after);
      const last = keys.at(-1);
      if (last === undefined) break;
      after = last;
      const gone = await this.#step(job, keys);
      if (gone.length > 0) asking.push(this.#tell(job, gone, told, unconfirmed));
      if (clock.nowMs() - notedAtMs >= NOTE_MS) {
        notedAtMs = clock.nowMs();
        await tables.note(job);
      }
      // Statements of an embedded database do not wait for anything: others get their turn here.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(asking);
  }

  async #step(job: PurgeJob, keys: readonly string[]): Promise<string[]> {
    const { tables } = this.#deps;
    const { order, acceptedAtMs } = job;
    const meant = order.by === "prefix" ? keys.filter((key) => key.startsWith(order.value)) : keys;
    if (meant.length === 0) return [];
    if (order.mode === "soft") {
      job.entries += await tables.age(order.site, meant, acceptedAtMs);
      return [];
    }
    const { entries, objectIds } = await tables.remove(order.site, meant, acceptedAtMs);
    job.entries += entries;
    const gone = objectIds.length === 0 ? [] : await this.#deps.removeUnnamed(objectIds);
    job.objects += gone.length;
    return gone;
  }

  async #tell(job: PurgeJob, gone: string[], told: Set<string>, unconfirmed: Set<string>): Promise<void> {
    const answer = await this.#deps.tellTerminals(gone);
    for (const id of answer.told) told.add(id);
    for (const id of answer.unconfirmed) unconfirmed.add(id);
    job.terminals = told.size;
    job.unconfirmed = unconfirmed.size;
  }

  /** The mark stays until no pull is left that began before it; what one of them stored behind the sweep goes then. */
  async #liftLater(job: PurgeJob, mark: Mark): Promise<void> {
    const { marks, pullsOver, forgetMemory, log } = this.#deps;
    const { site, by, value } = job.order;
    await pullsOver(site);
    try {
      if (!this.#isStopping) await this.#sweep({ ...job }, new Set(), new Set());
    } catch (error) {
      log.error({ err: error, purge: job.id }, `sweeping behind a purge failed: ${describeError(error)}`);
    }
    if (by === "url") forgetMemory(site, value);
    else forgetMemory(site);
    marks.lift(mark);
  }
}
