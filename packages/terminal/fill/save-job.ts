import { existsSync, mkdirSync, renameSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { inlinePieces, type Manifest, withPieces } from "@neson/protocol/manifest";
import { type ObjectDescription, pieceCount } from "@neson/protocol/object";
import { HASH_BYTES } from "@neson/protocol/tree";
import type { NewHeaderSet } from "../store/header-sets.ts";
import type { Layout } from "../store/layout.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { verifyFile } from "../store/start-check.ts";
import type { StoredObject } from "../store/stored-object.ts";
import { fetchExactly } from "./fetch-bytes.ts";
import { Fill, type FillDeps, type FillLimits } from "./fill.ts";
import { fillError, fillErrorOf } from "./fill-error.ts";
import { Patience } from "./patience.ts";
import { applyTerms, mergeTerms, type SaveTerms } from "./save-terms.ts";

/** What a save needs. */
export interface SaveJobDeps extends FillDeps {
  store: ObjectStore;
  layout: Layout;
  log: Log;
  limits: FillLimits;
}

/** What a Router orders to be saved. */
export interface SaveOrder {
  manifest: Manifest;
  fillUrl: string;
  priority: "now" | "background";
  terms: SaveTerms;
}

/**
 * One object on its way into the store: room, piece list, bytes, commit. Bytes that lie there already, under an index that was lost
 * or from a fill that a crash cut off, are verified rather than fetched again.
 */
export class SaveJob {
  readonly objectId: string;
  readonly manifest: Manifest;
  readonly headerSets = new Map<string, NewHeaderSet>();
  priority: "now" | "background";
  /** Resolves once readers can be served: with the fill, or undefined when the object is whole. Rejects as `done` does. */
  readonly ready: Promise<Fill | undefined>;
  readonly #ready = Promise.withResolvers<Fill | undefined>();
  readonly #stopping = new AbortController();
  readonly #deps: SaveJobDeps;
  #terms: SaveTerms;
  #sourceUrl: string;
  #fill: Fill | undefined;
  #object: StoredObject | undefined;

  constructor(save: SaveOrder, deps: SaveJobDeps) {
    this.objectId = save.manifest.objectId;
    this.#terms = save.terms;
    this.manifest = save.manifest;
    this.priority = save.priority;
    this.#sourceUrl = save.fillUrl;
    this.#deps = deps;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.#addHeaderSet(headerSetOf(save.manifest));
  }

  /** The same object under another header set, to be kept on other terms, or from a fresher source. */
  join({ manifest, fillUrl, terms }: SaveOrder): void {
    this.#terms = mergeTerms(this.#terms, terms);
    if (this.#object !== undefined) applyTerms(this.#deps.store, this.#object, terms);
    this.#sourceUrl = fillUrl;
    if (this.#fill !== undefined) this.#fill.sourceUrl = fillUrl;
    this.#addHeaderSet(headerSetOf(manifest));
  }

  get isCancelled(): boolean {
    return this.#stopping.signal.aborted;
  }

  cancel(reason: string): void {
    this.#stopping.abort(fillError("cancelled", reason));
    this.#fill?.cancel(reason);
  }

  /** The object has not been begun, and will not be: settles `ready`. */
  abandon(error: unknown): void {
    this.#ready.reject(fillErrorOf(error));
  }

  /**
   * Does it all; to be called once. Resolves when the object is whole, on disk and in the index.
   *
   * @throws NesonError of a FillErrorCode
   */
  async run(): Promise<StoredObject> {
    try {
      const object = await this.#save();
      this.#ready.resolve(undefined);
      return object;
    } catch (error) {
      const failure = fillErrorOf(error);
      this.#ready.reject(failure);
      if (failure.code === "disk") await this.#deps.store.disk.noteFailure();
      if (this.#object !== undefined) this.#leave(this.#object, failure);
      throw failure;
    } finally {
      await this.#fill?.close();
    }
  }

  async #save(): Promise<StoredObject> {
    const { store } = this.#deps;
    this.#stopping.signal.throwIfAborted();
    const description = await this.#describe();
    this.#stopping.signal.throwIfAborted();
    const object = this.#begin(description);
    this.#object = object;
    object.isFilling = true;
    for (const set of this.headerSets.values()) store.addHeaderSet(object, set);
    const stamp = (await this.#adopt(description)) ?? (await this.#fetch(description));
    this.#stopping.signal.throwIfAborted();
    object.isFilling = false;
    if (!store.setWhole(object, stamp)) throw fillError("cancelled", "the object was removed while it was saved");
    return object;
  }

  #begin(description: ObjectDescription): StoredObject {
    const { store } = this.#deps;
    const object = store.find(this.objectId);
    if (object === undefined) return store.begin(description, this.#terms);
    store.disk.check(`saving object ${this.objectId}`);
    if (object.state === "unchecked") throw fillError("disk", "the object is here, but cannot be read at present");
    applyTerms(store, object, this.#terms);
    return object;
  }

  async #describe(): Promise<ObjectDescription> {
    const inline = inlinePieces(this.manifest);
    const { size, pieceSize } = this.manifest;
    try {
      if (inline !== undefined) return withPieces(this.manifest, inline);
      this.#deps.store.makeRoom(this.#deps.store.find(this.objectId) === undefined ? size : 0);
      const listBytes = pieceCount(size, pieceSize) * HASH_BYTES;
      const { idleMs, pieceMs } = this.#deps.limits;
      // As much time for so many bytes as the object itself would have.
      const patience = new Patience(pieceMs * Math.ceil(listBytes / pieceSize), this.#deps.clock);
      const source = { url: `${this.#sourceUrl}/pieces`, idleMs, signal: this.#stopping.signal };
      return withPieces(this.manifest, await fetchExactly(source, listBytes, patience));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "pieces-mismatch") {
        throw fillError("bad-manifest", describeError(error), error);
      }
      throw error;
    }
  }

  /** Takes back a file that lies in its place already, if its bytes are right; returns its stamp. */
  async #adopt(description: ObjectDescription): Promise<string | undefined> {
    const path = this.#deps.layout.objectPath(this.objectId);
    if (!existsSync(path)) return undefined;
    try {
      const stamp = await verifyFile(path, description, undefined, this.#stopping.signal);
      this.#deps.log.info({ objectId: this.objectId }, "object was on disk already: verified and taken back");
      return stamp;
    } catch (error) {
      this.#stopping.signal.throwIfAborted();
      this.#deps.log.warn(
        { objectId: this.objectId, reason: describeError(error) },
        "file in the object's place: removed",
      );
      await rm(path, { force: true });
      return undefined;
    }
  }

  async #fetch(description: ObjectDescription): Promise<string> {
    const { layout, limits } = this.#deps;
    const partialPath = layout.partialPath(this.objectId);
    const options = { description, partialPath, sourceUrl: this.#sourceUrl, limits };
    const fill = await Fill.start(options, this.#deps);
    this.#fill = fill;
    this.#ready.resolve(fill);
    if (this.isCancelled) fill.cancel("cancelled while it began");
    const stamp = await fill.complete;
    this.#stopping.signal.throwIfAborted();
    const path = layout.objectPath(this.objectId);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(partialPath, path);
    await syncDirectory(dirname(path));
    return stamp;
  }

  #addHeaderSet(set: NewHeaderSet): void {
    this.headerSets.set(set.headersId, set);
    if (this.#object !== undefined) this.#deps.store.addHeaderSet(this.#object, set);
  }

  /** What was got so far is kept when another try may bring the rest, or when the disk lets nothing be removed either. */
  #leave(object: StoredObject, failure: Error & { code: string }): void {
    const { store } = this.#deps;
    object.isFilling = false;
    const isCut = failure.code === "unreachable" || isStop(failure);
    const isRepair = object.wasWhole && failure.code !== "cancelled";
    if (!isCut && !isRepair && store.disk.isWritable) store.remove(object);
  }
}

/** The reason given when the Terminal stops: fills go on at the next start. */
export const STOPPING = "the Terminal is stopping";

function isStop(failure: Error & { code: string }): boolean {
  return failure.code === "cancelled" && failure.message === STOPPING;
}

/** A manifest's header set as the store takes it. */
export function headerSetOf({ headersId, site, headers }: Manifest): NewHeaderSet {
  return { headersId, site, list: headers };
}

/** Makes the rename last through a power cut. Windows can neither do nor needs it. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
