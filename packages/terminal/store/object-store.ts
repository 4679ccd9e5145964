import { renameSync, rm, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { IndexDigest } from "@neson/protocol/index-digest";
import { headersIdOf } from "@neson/protocol/manifest";
import type { ObjectDescription } from "@neson/protocol/object";
import { prepareHeaderSet } from "./header-set.ts";
import type { Layout } from "./layout.ts";
import type { MemoryCache } from "./memory-cache.ts";
import type { HeaderSetRow, ObjectRow, ObjectRows } from "./object-rows.ts";
import { clearPartials, diskRoomBytes, findStrays } from "./room.ts";
import type { StoredObject } from "./stored-object.ts";

/** Most header sets kept for one object. */
const MAX_HEADER_SETS = 1000;

/** A header set as a manifest brings it. */
export type NewHeaderSet = Omit<HeaderSetRow, "objectId">;

/** What the store is built on. */
export interface ObjectStoreDeps {
  layout: Layout;
  rows: ObjectRows;
  memory: MemoryCache;
  clock: Clock;
  log: Log;
}

/**
 * The objects of this Terminal: what is there, in which state, and how much room is left. The index is the truth about names and
 * room, the files about bytes: nothing is `whole` in memory before its bytes were verified in this run.
 */
export class ObjectStore {
  readonly #quotaBytes: number;
  readonly #deps: ObjectStoreDeps;
  readonly #objects = new Map<string, StoredObject>();
  readonly #strays: Map<string, number>;
  readonly #digest = new IndexDigest();
  readonly #touched = new Set<StoredObject>();
  #usedBytes = 0;
  #servedCount = 0;
  #goneCount = 0;

  constructor(quotaBytes: number, deps: ObjectStoreDeps) {
    this.#quotaBytes = quotaBytes;
    this.#deps = deps;
    const { rows, layout, log } = deps;
    for (const row of rows.all()) this.#objects.set(row.object_id, objectOfRow(row));
    for (const set of rows.allHeaderSets()) this.#loadHeaderSet(set);
    for (const object of this.#objects.values()) this.#usedBytes += object.size;
    clearPartials(layout, (id) => this.#objects.get(id)?.state === "partial");
    this.#strays = findStrays(layout, (id) => this.#objects.has(id), log);
    for (const size of this.#strays.values()) this.#usedBytes += size;
  }

  /** In any state; most used at the last start first. */
  all(): Iterable<StoredObject> {
    return this.#objects.values();
  }

  find(objectId: string): StoredObject | undefined {
    return this.#objects.get(objectId);
  }

  get quotaBytes(): number {
    return this.#quotaBytes;
  }

  /** Room for further objects, by quota and by disk. */
  get remainingBytes(): number {
    return Math.max(0, Math.min(this.#quotaBytes - this.#usedBytes, diskRoomBytes(this.#deps.layout.dataDir)));
  }

  /** Objects that are whole. */
  get servedCount(): number {
    return this.#servedCount;
  }

  /** Over all pairs that are whole. */
  get indexDigest(): string {
    return this.#digest.toString();
  }

  /** The (objectId, headersId) pairs that are whole. */
  *pairs(): Generator<[string, string]> {
    for (const object of this.#objects.values()) {
      if (object.state !== "whole") continue;
      for (const headersId of object.headerSets.keys()) yield [object.objectId, headersId];
    }
  }

  /** @throws Error when the index cannot be read; undefined for an object it does not have */
  describe({ objectId, size, pieceSize, sha256 }: StoredObject): ObjectDescription | undefined {
    const pieces = this.#deps.rows.pieces(objectId);
    return pieces === undefined ? undefined : { objectId, size, pieceSize, sha256, pieces };
  }

  /**
   * Takes room for an object and notes what it is, so that its fill can go on after a crash.
   *
   * @throws NesonError `no-room` (operator)
   */
  begin(description: ObjectDescription): StoredObject {
    const { objectId, size, pieceSize, sha256 } = description;
    const strayBytes = this.#forgetStray(objectId);
    try {
      this.makeRoom(size);
    } catch (error) {
      this.#noteStray(objectId, strayBytes);
      throw error;
    }
    this.#deps.rows.insertPartial(description, this.#deps.clock.nowMs());
    const object = newObject({ objectId, size, pieceSize, sha256 }, "partial");
    this.#objects.set(objectId, object);
    this.#usedBytes += size;
    return object;
  }

  /**
   * Makes sure that `bytes` more fit, giving up strays and then fills that nobody works on.
   *
   * @throws NesonError `no-room` (operator)
   */
  makeRoom(bytes: number): void {
    for (const objectId of this.#strays.keys()) {
      if (bytes <= this.remainingBytes) return;
      rmSync(this.#deps.layout.objectPath(objectId), { force: true });
      this.#forgetStray(objectId);
    }
    for (const object of this.#objects.values()) {
      if (bytes <= this.remainingBytes) return;
      if (object.state === "partial" && !object.isFilling) this.remove(object);
    }
    if (bytes <= this.remainingBytes) return;
    const message = `saving ${bytes} bytes: ${this.remainingBytes} of ${this.#quotaBytes} bytes are left`;
    throw new NesonError("no-room", message, { fault: "operator" });
  }

  /** @throws NesonError `no-room` (operator) when the object has too many already */
  addHeaderSet(object: StoredObject, { headersId, site, list }: NewHeaderSet): void {
    if (object.headerSets.has(headersId)) return;
    if (object.headerSets.size >= MAX_HEADER_SETS) {
      const message = `header set ${headersId} of ${object.objectId}: it has ${MAX_HEADER_SETS}, the most allowed`;
      throw new NesonError("no-room", message, { fault: "operator" });
    }
    this.#deps.rows.insertHeaderSet({ objectId: object.objectId, headersId, site, list });
    object.headerSets.set(headersId, prepareHeaderSet({ headersId, site, list }, object.size));
    if (object.state === "whole") this.#digest.add(object.objectId, headersId);
  }

  /**
   * Every piece was verified and the file lies in its final place, flushed, looking like `stamp`. False when the object was removed
   * meanwhile.
   */
  setWhole(object: StoredObject, stamp: string): boolean {
    if (this.#objects.get(object.objectId) !== object) return false;
    object.stamp = stamp;
    if (object.state === "whole") return true;
    this.#deps.rows.setWhole(object.objectId);
    object.state = "whole";
    this.#servedCount++;
    for (const headersId of object.headerSets.keys()) this.#digest.add(object.objectId, headersId);
    return true;
  }

  /** Stops serving an object whose file was touched, until it has been checked again. */
  setUnchecked(object: StoredObject): void {
    if (object.state === "whole") this.#withdraw(object);
    object.state = "unchecked";
  }

  /** Forgets an object and removes its files. Transfers that have them open go on undisturbed. */
  remove(object: StoredObject): void {
    const { layout, rows, memory } = this.#deps;
    if (this.#objects.get(object.objectId) !== object) return;
    if (object.state === "whole") this.#withdraw(object);
    object.state = "partial";
    this.#objects.delete(object.objectId);
    this.#touched.delete(object);
    memory.drop(object);
    this.#discard(layout.objectPath(object.objectId));
    this.#discard(layout.partialPath(object.objectId));
    rows.remove(object.objectId);
    this.#usedBytes -= object.size;
  }

  /** Forgets one header set; the last one takes the object with it. */
  removeHeaderSet(object: StoredObject, headersId: string): void {
    if (!object.headerSets.has(headersId)) return;
    if (object.headerSets.size === 1) {
      this.remove(object);
      return;
    }
    object.headerSets.delete(headersId);
    this.#deps.rows.removeHeaderSet(object.objectId, headersId);
    if (object.state === "whole") this.#digest.remove(object.objectId, headersId);
  }

  /** Counts a request. */
  noteUse(object: StoredObject, nowMs: number): void {
    object.requestCount++;
    object.lastUsedAtMs = nowMs;
    object.wasHit = true;
    this.#touched.add(object);
  }

  /** Writes the counts to the index. */
  flushUse(): void {
    if (this.#touched.size === 0) return;
    this.#deps.rows.updateUse([...this.#touched]);
    this.#touched.clear();
  }

  #withdraw(object: StoredObject): void {
    this.#servedCount--;
    for (const headersId of object.headerSets.keys()) this.#digest.remove(object.objectId, headersId);
    this.#deps.memory.drop(object);
  }

  /** Out of its place at once, so that a new fill may put a new file there; the unlinking may take its time. */
  #discard(path: string): void {
    const aside = join(this.#deps.layout.partialDir, `${process.pid}-${this.#goneCount++}.gone`);
    try {
      renameSync(path, aside);
    } catch {
      return; // it was not there
    }
    rm(aside, { force: true }, () => {});
  }

  #forgetStray(objectId: string): number | undefined {
    const bytes = this.#strays.get(objectId);
    this.#usedBytes -= bytes ?? 0;
    this.#strays.delete(objectId);
    return bytes;
  }

  #noteStray(objectId: string, bytes: number | undefined): void {
    if (bytes === undefined) return;
    this.#strays.set(objectId, bytes);
    this.#usedBytes += bytes;
  }

  #loadHeaderSet({ objectId, headersId, site, list }: HeaderSetRow): void {
    const object = this.#objects.get(objectId);
    // The id is the hash of the list: a damaged row shows here, and is asked for again when a ticket names it.
    if (object === undefined || headersIdOf(list) !== headersId) return;
    object.headerSets.set(headersId, prepareHeaderSet({ headersId, site, list }, object.size));
  }
}

function objectOfRow(row: ObjectRow): StoredObject {
  const { object_id: objectId, size, piece_size: pieceSize, sha256 } = row;
  const object = newObject({ objectId, size, pieceSize, sha256 }, row.is_whole === 1 ? "unchecked" : "partial");
  object.requestCount = row.request_count;
  object.lastUsedAtMs = row.last_used_at_ms;
  return object;
}

function newObject(
  shape: Pick<StoredObject, "objectId" | "size" | "pieceSize" | "sha256">,
  state: StoredObject["state"],
): StoredObject {
  return {
    ...shape,
    state,
    headerSets: new Map(),
    stamp: "",
    isFilling: false,
    requestCount: 0,
    lastUsedAtMs: 0,
    memory: undefined,
    wasHit: false,
    isWarming: false,
  };
}
