import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { type Manifest, openManifest, type SignedManifest } from "@neson/protocol/manifest";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import type { Terms } from "../control/terms.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { StartCheck } from "../store/start-check.ts";
import type { StoredObject } from "../store/stored-object.ts";
import { type FillErrorCode, fillError, fillErrorOf } from "./fill-error.ts";
import { headerSetOf, SaveJob, type SaveJobDeps, type SaveOrder, STOPPING } from "./save-job.ts";
import { applyTerms, saveTermsOf } from "./save-terms.ts";

/** Fills at work at once: those a viewer waits for, and all together. Background fills leave the rest to them. */
const MAX_RUNNING = 16;
const MAX_BACKGROUND = 2;
/** Saves waiting for their turn; what comes beyond is refused, and the Router may order it again. */
const MAX_WAITING = 10_000;

type Save = Extract<RouterMessage, { type: "save" }>;
type Report = Extract<TerminalMessage, { type: "stored" | "failed" }>;

/** What Fills needs. */
export interface FillsDeps extends SaveJobDeps {
  store: ObjectStore;
  startCheck: StartCheck;
  clock: Clock;
  log: Log;
  /** The key that manifests must be signed with, once known. */
  routerKey: () => string | undefined;
  terms: Terms;
  /** Tells the Router how a save ended; may be lost, the index digest tells it too. */
  report: (message: Report) => void;
}

/** Carries out the Router's saves, at most a few at once, and knows what is being filled. */
export class Fills implements AsyncDisposable {
  readonly #deps: FillsDeps;
  /** By object id; a job stays until everything of it is closed, so that no two ever write one file. */
  readonly #jobs = new Map<string, SaveJob>();
  readonly #waiting = new Set<SaveJob>();
  readonly #running = new Map<SaveJob, Promise<void>>();
  #isStopping = false;

  constructor(deps: FillsDeps) {
    this.#deps = deps;
  }

  /** The job that fills an object under that header set now. A viewer asks: it is no background job any more. */
  find(objectId: string, headersId: string): SaveJob | undefined {
    const job = this.#jobs.get(objectId);
    if (job === undefined || job.isCancelled || !job.headerSets.has(headersId)) return undefined;
    job.priority = "now";
    this.#startWaiting();
    return job;
  }

  /** Objects whose fill a crash or a failing source cut off, and that nobody works on. */
  interrupted(): StoredObject[] {
    return [...this.#deps.store.all()].filter(({ state, isFilling }) => state === "partial" && !isFilling);
  }

  /** Takes on a save. Never throws: how it ended is reported. */
  save(save: Save): void {
    const manifest = this.#open(save.manifest);
    if (manifest === undefined || this.#isStopping) return;
    const object = this.#deps.store.find(manifest.objectId);
    const order = { manifest, fillUrl: save.fillUrl, priority: save.priority, terms: saveTermsOf(save) };
    if (object?.state === "whole") this.#addTo(object, order);
    else if (object?.state === "unchecked") this.#saveUnchecked(object, order);
    else this.#enqueue(order);
  }

  /** Something is being fetched. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Deletes an object, or one of its header sets; from now on it is not served any more. */
  delete(objectId: string, headersId: string | undefined, reason: string): void {
    const object = this.#deps.store.find(objectId);
    const job = this.#jobs.get(objectId);
    if (headersId !== undefined && job !== undefined && !job.isCancelled && job.headerSets.size > 1) {
      job.headerSets.delete(headersId);
    } else if (job !== undefined && (headersId === undefined || job.headerSets.has(headersId))) {
      job.cancel(`deleted: ${reason}`);
    }
    if (object === undefined) return;
    if (headersId === undefined) this.#deps.store.remove(object);
    else this.#deps.store.removeHeaderSet(object, headersId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    for (const job of this.#waiting) job.abandon(fillError("cancelled", STOPPING));
    this.#waiting.clear();
    for (const job of this.#running.keys()) job.cancel(STOPPING);
    await Promise.all(this.#running.values());
  }

  #open(signed: SignedManifest): Manifest | undefined {
    const { routerKey, clock, terms, log } = this.#deps;
    const key = routerKey();
    if (key === undefined) return undefined;
    try {
      const manifest = openManifest(signed, key);
      const { objectId, headersId, size, expiresAt } = manifest;
      if (expiresAt * 1000 <= clock.nowMs()) {
        this.#reportFailed({ objectId, headersId }, "bad-manifest", `manifest expired at ${expiresAt} (unix seconds)`);
      } else if (size > terms.maxObjectBytes) {
        const detail = `object of ${size} bytes, at most ${terms.maxObjectBytes} were agreed`;
        this.#reportFailed({ objectId, headersId }, "bad-manifest", detail);
      } else {
        return manifest;
      }
    } catch (error) {
      // Nothing in it can be believed, not even which object it is about.
      log.warn({ reason: describeError(error) }, "save refused: its manifest is wrong");
    }
    return undefined;
  }

  #addTo(object: StoredObject, { manifest, terms }: SaveOrder): void {
    try {
      applyTerms(this.#deps.store, object, terms);
      this.#deps.store.addHeaderSet(object, headerSetOf(manifest));
      this.#deps.report({
        type: "stored",
        objectId: object.objectId,
        headersId: manifest.headersId,
        bytes: object.size,
      });
    } catch (error) {
      const { code, message } = fillErrorOf(error);
      this.#reportFailed(manifest, code, message);
    }
  }

  #saveUnchecked(object: StoredObject, order: SaveOrder): void {
    this.#deps.startCheck.check(object).then((isGood) => {
      if (isGood) this.#addTo(object, order);
      else if (!this.#isStopping) this.#enqueue(order);
    });
  }

  #enqueue(order: SaveOrder): void {
    const { manifest, priority } = order;
    const existing = this.#jobs.get(manifest.objectId);
    if (existing !== undefined && !existing.isCancelled) {
      existing.join(order);
      if (priority === "now") existing.priority = "now";
      this.#startWaiting();
      return;
    }
    if (this.#waiting.size >= MAX_WAITING) {
      this.#reportFailed(manifest, "cancelled", `${MAX_WAITING} saves are waiting, the most allowed`);
      return;
    }
    const job = new SaveJob(order, this.#deps);
    this.#jobs.set(job.objectId, job);
    // A cancelled job of the same object still has its files open: this one comes after it.
    const before = existing === undefined ? undefined : this.#running.get(existing);
    if (before === undefined) this.#letWait(job);
    else before.then(() => this.#letWait(job));
  }

  #letWait(job: SaveJob): void {
    if (this.#isStopping) return;
    this.#waiting.add(job);
    this.#startWaiting();
  }

  #startWaiting(): void {
    for (const priority of ["now", "background"] as const) {
      for (const job of this.#waiting) {
        if (job.priority === priority && this.#mayRun(job)) this.#run(job);
      }
    }
  }

  #mayRun(job: SaveJob): boolean {
    if (this.#running.size >= MAX_RUNNING) return false;
    if (job.priority === "now") return true;
    let backgroundCount = 0;
    for (const { priority } of this.#running.keys()) if (priority === "background") backgroundCount++;
    return backgroundCount < MAX_BACKGROUND;
  }

  #run(job: SaveJob): void {
    this.#waiting.delete(job);
    const ended = job
      .run()
      .then((object) => this.#reportStored(job, object))
      .catch((error) => this.#reportEnd(job, error))
      .finally(() => {
        this.#running.delete(job);
        if (this.#jobs.get(job.objectId) === job) this.#jobs.delete(job.objectId);
        this.#startWaiting();
      });
    this.#running.set(job, ended);
  }

  #reportStored(job: SaveJob, object: StoredObject): void {
    for (const headersId of job.headerSets.keys()) {
      if (!object.headerSets.has(headersId)) continue;
      this.#deps.report({ type: "stored", objectId: job.objectId, headersId, bytes: object.size });
    }
  }

  #reportEnd(job: SaveJob, error: unknown): void {
    const { code } = fillErrorOf(error);
    for (const headersId of job.headerSets.keys()) {
      this.#reportFailed({ objectId: job.objectId, headersId }, code, describeError(error));
    }
  }

  #reportFailed(
    { objectId, headersId }: { objectId: string; headersId: string },
    code: FillErrorCode,
    detail: string,
  ): void {
    this.#deps.log.warn({ objectId, headersId, code, detail }, "save failed");
    this.#deps.report({ type: "failed", objectId, headersId, code, detail: detail.slice(0, 300) });
  }
}
