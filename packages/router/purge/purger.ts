import { randomUUID } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Mark, PurgeMarks } from "./marks.ts";
import { isAimedAt, type PurgeOrder } from "./order.ts";
import type { PurgeRows } from "./purge-rows.ts";
import type { JobPlace, PurgeJob, PurgeTables } from "./purge-tables.ts";
import { type TerminalsAsked, TerminalsOfJob } from "./terminals-of-job.ts";

/** Progress is written down no more often. */
const NOTE_MS = 500;
/** A purge that the database failed goes on after so long. */
const RETRY_MS = 2000;
/** Objects that Terminals are told of at a time. */
const TOLD_AT_ONCE = 1000;
/** Objects whose entries went and that are seen to together, some 3 MB. */
const MAX_UNSEEN = 25_000;
/** Objects of one step: some milliseconds of work. */
const OBJECTS_PER_STEP = 200;

/** What purging works with. */
export interface PurgerDeps {
  tables: PurgeTables;
  rows: PurgeRows;
  marks: PurgeMarks;
  /** Has memory read a key again, or everything of a site. */
  forgetMemory: (site: string, key?: string) => void;
  /** Drops parts of files. `headers` are undefined for answers that have not come yet. */
  removeParts: (site: string, matches: (key: string, headers: readonly string[] | undefined) => boolean) => void;
  /** Drops the bytes of objects, in every coding, from disk and memory. */
  removeBytes: (objectIds: readonly string[]) => void;
  /** Has every Terminal that may hold one of them drop it. */
  tellTerminals: (objectIds: readonly string[]) => Promise<TerminalsAsked>;
  /** Resolves when the pulls of a site that are under way now are over. */
  pullsOver: (site: string) => Promise<void>;
  /** Told of each purge that begins here, so that other Routers `apply` it. */
  publish: (order: PurgeOrder, id: string) => void;
  /** Told which objects were taken out here, so that other Routers `drop` them. */
  publishGone: (objectIds: readonly string[], id: string) => void;
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
  readonly #stop = new AbortController();
  readonly #stopped = new Promise<void>((resolve) => this.#stop.signal.addEventListener("abort", () => resolve()));

  constructor(deps: PurgerDeps) {
    this.#deps = deps;
  }

  /** Begins a purge; resolves once it is written down and in effect here. */
  async purge(order: PurgeOrder): Promise<PurgeJob> {
    const job = newJob(randomUUID(), order, this.#deps.clock.nowMs());
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

  /**
   * Carries out here, under the same id, a purge that began at another Router, which has it on its list. Nothing is published again but the objects that
   * are taken out here. Resolves when that is done.
   */
  async apply(order: PurgeOrder, id: string): Promise<void> {
    const job = newJob(id, order, this.#deps.clock.nowMs());
    const mark = this.#mark(job);
    // The other Router may take a row away that only this one's memory still has.
    this.#deps.forgetMemory(order.site, order.by === "url" ? order.value : undefined);
    const terminals = new TerminalsOfJob();
    await this.#untilItWorks(job, () => this.#sweep(job, terminals));
    this.#during(this.#settle(job, mark, terminals));
  }

  /** Drops here, from disk, memory and Terminals, what another Router has taken out. */
  async drop(objectIds: readonly string[]): Promise<void> {
    this.#deps.removeBytes(objectIds);
    await this.#deps.tellTerminals(objectIds);
  }

  /** Takes up what was left undone. */
  async resume(): Promise<void> {
    for (const job of await this.#deps.tables.unfinished()) {
      if (!this.#running.has(job.id)) this.#start(job, this.#mark(job), true);
    }
  }

  /** A site's purge, with its progress at this moment. */
  async find(site: string, id: string): Promise<PurgeJob | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running.order.site === site ? { ...running } : undefined;
    return await this.#deps.tables.find(site, id);
  }

  /** A site's purges, newest first, from behind a place on. */
  async list(site: string, limit: number, after?: JobPlace): Promise<PurgeJob[]> {
    const jobs = await this.#deps.tables.list(site, limit, after);
    return jobs.map((job) => ({ ...(this.#running.get(job.id) ?? job) }));
  }

  /** Breaks off between two steps; what is left goes on at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
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

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  #start(job: PurgeJob, mark: Mark, isResumed = false): void {
    this.#running.set(job.id, job);
    this.#during(this.#run(job, mark, isResumed).finally(() => this.#running.delete(job.id)));
  }

  #during(work: Promise<void>): void {
    const end = work.finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  async #run(job: PurgeJob, mark: Mark, isResumed: boolean): Promise<void> {
    const terminals = new TerminalsOfJob();
    await this.#untilItWorks(job, async () => {
      if (job.doneAtMs !== undefined) return;
      const { tables, rows, clock } = this.#deps;
      if (job.found === 0) {
        job.found = await rows.count(job.order);
        await tables.note(job);
      }
      await this.#sweep(job, terminals);
      if (isResumed && job.order.mode === "hard") await this.#removeLeft(job, terminals);
      if (this.#isStopping) return;
      await tables.note({ ...job, doneAtMs: clock.nowMs() });
      job.doneAtMs = clock.nowMs();
    });
    await this.#settle(job, mark, terminals);
  }

  /** Never rejects: an order stays in effect until it is carried out. */
  async #untilItWorks(job: PurgeJob, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#deps;
    while (!this.#isStopping) {
      try {
        await work();
        return;
      } catch (error) {
        log.error({ err: error, purge: job.id }, `a purge stopped half-way: ${describeError(error)}`);
        await clock.sleep(RETRY_MS, this.#stop.signal).catch(() => {});
      }
    }
  }

  /** Goes through the rows once, and waits for the Terminals. */
  async #sweep(job: PurgeJob, terminals: TerminalsOfJob): Promise<void> {
    const { tables, rows, clock } = this.#deps;
    const asking: Promise<void>[] = [];
    const objectIds = new Set<string>();
    let notedAtMs = clock.nowMs();
    for (let after = ""; !this.#isStopping; ) {
      const keys = await rows.keysAfter(job.order, after);
      const last = keys.at(-1);
      if (last === undefined) break;
      after = last;
      for (const objectId of await this.#step(job, keys)) objectIds.add(objectId);
      if (objectIds.size >= MAX_UNSEEN) asking.push(...(await this.#removeObjects(job, objectIds, terminals)));
      if (clock.nowMs() - notedAtMs >= NOTE_MS) {
        notedAtMs = clock.nowMs();
        await tables.note(job);
      }
      await turn();
    }
    asking.push(...(await this.#removeObjects(job, objectIds, terminals)));
    await Promise.race([Promise.all(asking), this.#stopped]);
  }

  /** Gives the objects that went with their entries. */
  async #step(job: PurgeJob, keys: readonly string[]): Promise<string[]> {
    const { rows, forgetMemory } = this.#deps;
    const { order, acceptedAtMs } = job;
    let removed: string[] = [];
    if (order.mode === "soft") job.entries += await rows.age(job, keys, acceptedAtMs);
    else removed = await rows.remove(job, keys, acceptedAtMs);
    job.entries += removed.length;
    for (const key of keys) forgetMemory(order.site, key);
    return removed;
  }

  /**
   * Has Terminals drop these objects, and drops here what nothing publishes any more; empties the set. Terminals drop also those that something else still
   * publishes: tickets are for an object, and must not let anyone have it by this name. Gives what is to be waited for.
   */
  async #removeObjects(job: PurgeJob, objectIds: Set<string>, terminals: TerminalsOfJob): Promise<Promise<void>[]> {
    const { rows, clock, removeBytes, publishGone } = this.#deps;
    const sorted = [...objectIds].sort();
    objectIds.clear();
    const asking: Promise<void>[] = [];
    // Not broken off when this process stops: at the next start nobody would know of these.
    for (let first = 0; first < sorted.length; first += OBJECTS_PER_STEP) {
      const step = sorted.slice(first, first + OBJECTS_PER_STEP);
      const gone = await rows.removeUnnamed(job, step, clock.nowMs());
      job.objects += gone.length;
      removeBytes(gone);
      if (gone.length > 0) publishGone(gone, job.id);
      await turn();
    }
    for (let first = 0; first < sorted.length; first += TOLD_AT_ONCE) {
      asking.push(this.#tell(job, sorted.slice(first, first + TOLD_AT_ONCE), terminals));
    }
    return asking;
  }

  /** Removes what a killed process left: objects whose entries it had taken out already. */
  async #removeLeft(job: PurgeJob, terminals: TerminalsOfJob): Promise<void> {
    const { rows } = this.#deps;
    const asking: Promise<void>[] = [];
    for (let after = ""; !this.#isStopping; ) {
      const { unnamed, last } = await rows.unnamedAfter(after);
      if (last === undefined) break;
      after = last;
      asking.push(...(await this.#removeObjects(job, new Set(unnamed), terminals)));
      await turn();
    }
    await Promise.race([Promise.all(asking), this.#stopped]);
  }

  async #tell(job: PurgeJob, objectIds: readonly string[], terminals: TerminalsOfJob): Promise<void> {
    terminals.add(await this.#deps.tellTerminals(objectIds));
    Object.assign(job, terminals.counts());
  }

  /** The mark stays until no pull is left that began before it; what one of them stored behind the sweep goes then. */
  async #settle(job: PurgeJob, mark: Mark, terminals: TerminalsOfJob): Promise<void> {
    const { tables, marks, pullsOver, clock } = this.#deps;
    await Promise.race([pullsOver(job.order.site), this.#stopped]);
    await this.#untilItWorks(job, async () => {
      await this.#sweep(job, terminals);
      if (this.#isStopping) return;
      marks.lift(mark);
      await tables.note({ ...job, settledAtMs: clock.nowMs() });
    });
  }
}

/** Statements of an embedded database do not wait for anything: others get their turn here. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function newJob(id: string, order: PurgeOrder, acceptedAtMs: number): PurgeJob {
  const counts = { found: 0, entries: 0, objects: 0, terminals: 0, unconfirmed: 0, absent: 0 };
  return { id, order, acceptedAtMs, doneAtMs: undefined, settledAtMs: undefined, ...counts };
}
