import type { Clock } from "@neson/kit/clock";
import type { ObjectDescription } from "@neson/protocol/object";
import { CheckedPairs } from "./checked-pairs.ts";
import { type DiskFault, DiskWatch, type DiskWatchDeps } from "./disk-watch.ts";
import { HeaderSets, type NewHeaderSet } from "./header-sets.ts";
import type { Layout } from "./layout.ts";
import { loadObjects } from "./load-objects.ts";
import type { MemoryCache } from "./memory-cache.ts";
import { ObjectFiles } from "./object-files.ts";
import type { ObjectRows } from "./object-rows.ts";
import { PendingRemovals } from "./pending-removals.ts";
import { popularObjects, type StoredObjectSummary } from "./popular.ts";
import { Room } from "./room.ts";
import { StateTotals, type StoreStats } from "./state-totals.ts";
import { Observers, type StoreObserver } from "./store-observer.ts";
import { type KeepTerms, newObject, type ObjectState, type StoredObject } from "./stored-object.ts";
import { Strays } from "./strays.ts";
import { UseCounts } from "./use-counts.ts";

/** What the store is built on. */
export interface ObjectStoreDeps extends DiskWatchDeps {
  layout: Layout;
  rows: ObjectRows;
  memory: MemoryCache;
  clock: Clock;
}

const PLACED: KeepTerms = { keepUntilSeconds: undefined, isPinned: false, isPlaced: true };

/**
 * The objects of this Terminal: what is there, in which state, and how much room is left. The index is the truth about names and
 * room, the files about bytes: nothing is `whole` in memory before its bytes were verified in this run.
 */
export class ObjectStore {
  /** The state of the disk below. */
  readonly disk: DiskWatch;
  readonly #deps: ObjectStoreDeps;
  readonly #objects: Map<string, StoredObject>;
  readonly #files: ObjectFiles;
  readonly #strays: Strays;
  readonly #removals: PendingRemovals;
  readonly #room: Room;
  readonly #totals = new StateTotals();
  readonly #pairs = new CheckedPairs();
  readonly #headerSets: HeaderSets;
  readonly #uses = new UseCounts();
  readonly #observers = new Observers();

  constructor(quotaBytes: number, deps: ObjectStoreDeps) {
    this.#deps = deps;
    const { rows, layout, log } = deps;
    this.disk = new DiskWatch(layout, deps);
    this.#objects = loadObjects(rows, log);
    this.#files = new ObjectFiles(layout);
    this.#files.clearPartials((id) => this.#objects.get(id)?.state === "partial");
    this.#strays = new Strays(layout, (id) => this.#objects.has(id), log);
    this.#removals = new PendingRemovals({ rows, files: this.#files, log });
    this.#headerSets = new HeaderSets(rows, this.#pairs);
    const remove = (object: StoredObject) => this.remove(object);
    this.#room = new Room(quotaBytes, { disk: this.disk, totals: this.#totals, strays: this.#strays, remove });
    for (const object of this.#objects.values()) this.#take(object);
  }

  /** Lets somebody hear of what happens from now on. */
  observe(observer: StoreObserver): void {
    this.#observers.add(observer);
  }

  /** In any state; most used at the last start first. */
  all(): Iterable<StoredObject> {
    return this.#objects.values();
  }

  find(objectId: string): StoredObject | undefined {
    return this.#objects.get(objectId);
  }

  get quotaBytes(): number {
    return this.#room.quotaBytes;
  }

  /** May be below what is used: then objects go until it is not. */
  setQuota(bytes: number): void {
    this.#room.quotaBytes = bytes;
    this.#observers.quotaChanged();
  }

  /** What objects, fills under way and strays take of the quota. */
  get usedBytes(): number {
    return this.#room.usedBytes;
  }

  /** Room for further objects, by quota and, as of the last look, by disk. */
  get remainingBytes(): number {
    return this.#room.remainingBytes;
  }

  /** Why no new object can be kept, as of the last look at the disk. */
  get refusesSaves(): DiskFault | undefined {
    return this.disk.fault;
  }

  /** Objects that are whole. */
  get servedCount(): number {
    return this.#pairs.objectCount;
  }

  /** Over all pairs that are whole. */
  get indexDigest(): string {
    return this.#pairs.digest;
  }

  /** How much of what state is there. */
  stats(): StoreStats {
    return this.#totals.stats();
  }

  /** The most requested objects, most first. Looks at all of them. */
  popular(limit: number): StoredObjectSummary[] {
    return popularObjects(this.#objects.values(), limit);
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
   * @throws NesonError `no-room` or `disk` (operator)
   */
  begin(description: ObjectDescription, terms: KeepTerms = PLACED): StoredObject {
    const { objectId, size } = description;
    this.#strays.forget(objectId);
    try {
      this.makeRoom(size);
      this.#removals.settle(objectId);
      this.#deps.rows.insertPartial(description, terms, this.#deps.clock.nowMs());
    } catch (error) {
      this.#strays.note(objectId);
      throw error;
    }
    const object = newObject(description, "partial", terms);
    this.#objects.set(objectId, object);
    this.#take(object);
    this.#observers.added(object);
    return object;
  }

  /**
   * Makes sure that `bytes` more fit, giving up what nobody would miss.
   *
   * @throws NesonError `no-room` or `disk` (operator)
   */
  makeRoom(bytes: number): void {
    this.disk.check(`saving ${bytes} bytes`);
    try {
      this.#room.make(bytes);
    } catch (error) {
      this.#observers.lacksRoom(bytes);
      throw error;
    }
  }

  /** Gives up what nobody would miss, at most `limit` things, while more bytes are used than that. Returns how many went. */
  shrinkTo(bytes: number, limit: number): number {
    return this.#room.giveUpLoose((count) => count === limit || this.usedBytes <= bytes);
  }

  /** @throws NesonError `no-room` (operator) when the object has too many already */
  addHeaderSet(object: StoredObject, set: NewHeaderSet): void {
    this.#headerSets.add(object, set);
  }

  /** Notes how an object is to be kept from now on. What was placed once stays so. */
  setTerms(object: StoredObject, { keepUntilSeconds, isPinned, isPlaced }: KeepTerms): void {
    const terms = { keepUntilSeconds, isPinned, isPlaced: isPlaced || object.isPlaced };
    this.#deps.rows.updateTerms(object.objectId, terms);
    Object.assign(object, terms);
    if (terms.isPlaced) this.admit(object);
    this.#observers.termsChanged(object);
  }

  /** It was placed, or asked for again: it goes with the others, not before them. */
  admit(object: StoredObject): void {
    object.isAdmitted = true;
    this.#room.sort(object);
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
    this.#move(object, "whole");
    return true;
  }

  /** Stops serving an object whose file was touched, until it has been checked again. */
  setUnchecked(object: StoredObject): void {
    if (object.state === "whole") this.#move(object, "unchecked");
  }

  /**
   * Some of its bytes are bad. What is good stays, in the place where a fill goes on from.
   *
   * @throws Error of the index or the file system; then the object is unchecked
   */
  setDamaged(object: StoredObject): void {
    if (this.#objects.get(object.objectId) !== object || object.state === "partial") return;
    this.#move(object, "unchecked");
    // In this order: a whole file under a partial row is looked at again after a crash, a whole row without a file is lost.
    this.#deps.rows.setPartial(object.objectId);
    this.#files.unsettle(object.objectId);
    this.#move(object, "partial");
    this.#observers.damaged(object);
  }

  /** Forgets an object and removes its files. Transfers that have them open go on undisturbed. */
  remove(object: StoredObject): void {
    if (this.#drop(object)) this.#removals.add(object.objectId);
  }

  /** Forgets an object of which the index says what cannot be true. Its file may be right: it stays, as a stray. */
  disown(object: StoredObject): void {
    if (!this.#drop(object)) return;
    this.#deps.rows.remove(object.objectId);
    this.#strays.note(object.objectId);
  }

  /** Forgets one header set; the last one takes the object with it. */
  removeHeaderSet(object: StoredObject, headersId: string): void {
    if (!object.headerSets.has(headersId)) return;
    if (object.headerSets.size === 1) this.remove(object);
    else this.#headerSets.remove(object, headersId);
  }

  /** Counts a request. `isNewVisit` is false for the further requests of one ticket: a download in many ranges is one visit. */
  noteUse(object: StoredObject, nowMs: number, isNewVisit = true): void {
    this.#uses.note(object, nowMs, isNewVisit);
  }

  /** Tells, and forgets, how often each object was asked for since the last time. */
  takeUses(tell: (object: StoredObject, count: number) => void): void {
    this.#uses.take((object, count) => {
      if (this.#objects.get(object.objectId) === object) tell(object, count);
    });
  }

  /** Writes the counts of up to `limit` objects to the index, and makes up for removals that the disk refused. */
  flushUse(limit = Number.POSITIVE_INFINITY): void {
    this.#removals.retry();
    this.#uses.flush(this.#deps.rows, limit);
  }

  #take(object: StoredObject): void {
    this.#totals.add(object);
    this.#room.sort(object);
  }

  #drop(object: StoredObject): boolean {
    if (this.#objects.get(object.objectId) !== object) return false;
    this.#move(object, "partial");
    this.#objects.delete(object.objectId);
    this.#totals.remove(object);
    this.#room.forget(object);
    this.#observers.removed(object);
    return true;
  }

  #move(object: StoredObject, state: ObjectState): void {
    if (object.state === state) return;
    if (object.state === "whole") {
      this.#pairs.remove(object);
      this.#deps.memory.drop(object);
    }
    this.#totals.remove(object);
    object.state = state;
    this.#totals.add(object);
    if (state === "whole") this.#pairs.add(object);
    object.wasWhole ||= state !== "partial";
    this.#room.sort(object);
  }
}
