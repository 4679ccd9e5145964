import { existsSync, renameSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { describesObject, type ObjectDescription, pieceCount } from "@neson/protocol/object";
import { stampOf } from "./file-body.ts";
import type { Layout } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";
import type { StoredObject } from "./stored-object.ts";
import { verifyPieces } from "./verify-pieces.ts";

/** What the start check needs. */
export interface StartCheckDeps {
  store: ObjectStore;
  layout: Layout;
  clock: Clock;
  log: Log;
}

/**
 * Reads every object that was whole before this process started and compares each piece with its hash, most used first. What is
 * good is served from then on; of what is not, the good pieces are kept and the others are fetched again.
 */
export class StartCheck implements AsyncDisposable {
  readonly #bytesPerSecond: number;
  readonly #deps: StartCheckDeps;
  readonly #running = new Map<StoredObject, Promise<boolean>>();
  readonly #stopping = new AbortController();
  /** The object that the pass is reading at its bounded rate, and what ends that bound. */
  #paced: { object: StoredObject; hurry: AbortController } | undefined;
  #pass: Promise<void> = Promise.resolve();

  constructor(bytesPerSecond: number, deps: StartCheckDeps) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#deps = deps;
  }

  /** Begins the pass over everything; `done` tells its end. */
  start(): void {
    this.#pass = this.#checkAll();
  }

  /** Resolves when the pass that `start` began is over. Never rejects. */
  get done(): Promise<void> {
    return this.#pass;
  }

  /** Checks one object now, at full speed: somebody waits for it. False when it cannot be served as it is. Never rejects. */
  check(object: StoredObject): Promise<boolean> {
    if (this.#paced?.object === object) this.#paced.hurry.abort();
    return this.#checkOnce(object, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("the Terminal is stopping"));
    await Promise.all([this.#pass, ...this.#running.values()]);
  }

  async #checkAll(): Promise<void> {
    const { clock, store, log } = this.#deps;
    const startMs = clock.nowMs();
    const counts = { good: 0, bad: 0, bytes: 0 };
    const pace = async (bytes: number, hurry: AbortSignal) => {
      counts.bytes += bytes;
      const aheadMs = (counts.bytes / this.#bytesPerSecond) * 1000 - (clock.nowMs() - startMs);
      // A pause too short to be worth a timer waits until it has added up.
      if (aheadMs <= 5 || hurry.aborted) return;
      await clock.sleep(aheadMs, AbortSignal.any([this.#stopping.signal, hurry])).catch(() => {
        this.#stopping.signal.throwIfAborted();
      });
    };
    for (const object of [...store.all()].filter((object) => this.#isCandidate(object))) {
      if (this.#stopping.signal.aborted) return;
      const hurry = new AbortController();
      this.#paced = { object, hurry };
      if (await this.#checkOnce(object, (bytes) => pace(bytes, hurry.signal))) counts.good++;
      else counts.bad++;
    }
    this.#paced = undefined;
    if (counts.good + counts.bad > 0) log.info({ ...counts, tookMs: clock.nowMs() - startMs }, "start check done");
  }

  /** A crash between renaming the file and writing the row leaves a whole file under a partial row. */
  #isCandidate(object: StoredObject): boolean {
    if (object.state === "unchecked") return true;
    return object.state === "partial" && !object.isFilling && existsSync(this.#deps.layout.objectPath(object.objectId));
  }

  #checkOnce(object: StoredObject, pace: Pace): Promise<boolean> {
    if (object.state === "whole") return Promise.resolve(true);
    let running = this.#running.get(object);
    if (running === undefined) {
      running = this.#checkOne(object, pace).finally(() => this.#running.delete(object));
      this.#running.set(object, running);
    }
    return running;
  }

  async #checkOne(object: StoredObject, pace: Pace): Promise<boolean> {
    const { store, layout } = this.#deps;
    const { signal } = this.#stopping;
    try {
      const description = store.describe(object);
      if (description === undefined || !describesObject(description)) {
        this.#disown(object);
        return false;
      }
      const stamp = await verifyFile(layout.objectPath(object.objectId), description, pace, signal);
      return store.setWhole(object, stamp);
    } catch (error) {
      if (!signal.aborted) this.#judge(object, describeError(error));
      return false;
    }
  }

  #disown(object: StoredObject): void {
    this.#deps.log.warn(
      { objectId: object.objectId },
      "the index describes another object than its id says: row removed",
    );
    this.#deps.store.disown(object);
  }

  /** A disk that is not there says nothing about the bytes on it: then the object waits to be checked again. */
  #judge(object: StoredObject, reason: string): void {
    const { store, layout, log } = this.#deps;
    const { objectId, state } = object;
    store.disk.look();
    if (store.disk.fault === "disk-gone") return;
    log.warn({ objectId, reason }, "stored object failed its check: what is bad of it is fetched again");
    try {
      if (state === "unchecked") store.setDamaged(object);
      // Under a partial row, the fill that goes on from it is to judge it; one that has begun has a file of its own.
      else if (!object.isFilling) renameSync(layout.objectPath(objectId), layout.partialPath(objectId));
    } catch (error) {
      log.warn({ objectId, reason: describeError(error) }, "a bad object could not be taken out of its place");
    }
  }
}

type Pace = ((bytes: number) => Promise<void>) | undefined;

/**
 * Checks a file against a description, byte by byte.
 *
 * @returns its stamp
 * @throws Error saying what is wrong with it
 */
export async function verifyFile(
  path: string,
  description: ObjectDescription,
  pace?: Pace,
  signal?: AbortSignal,
): Promise<string> {
  const file = await open(path, "r");
  try {
    const before = await file.stat();
    if (before.size !== description.size) {
      throw new Error(`the file has ${before.size} bytes, expected ${description.size}`);
    }
    const goodCount = await verifyPieces(file, description, { signal, pace });
    if (goodCount < pieceCount(description.size, description.pieceSize)) {
      throw new Error(`piece ${goodCount} does not match its hash`);
    }
    return stampOf(before);
  } finally {
    await file.close();
  }
}
