import { createHash, randomUUID } from "node:crypto";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Catalog } from "../catalog/catalog.ts";
import { selectingHeaders } from "../catalog/selecting.ts";
import { prepare } from "../policy/prepare.ts";
import { type RequestHeaders, selectVariant } from "../policy/vary.ts";
import { SLICE_BYTES } from "./grid.ts";
import { fileNameOf, SliceFiles } from "./slice-files.ts";
import { type Part, partAt, type Sliced, withPart } from "./sliced.ts";

/** What a part takes on disk at least, and is counted as. */
const BLOCK_BYTES = 4096;
/** Parts that are kept whatever their size, beside two for each slice that fits: bounds the memory of the index. */
const MIN_MAX_PARTS = 20_000;
/** More variants of one key than this are not kept: the oldest goes. */
const MAX_VARIANTS = 16;

/** Where the store lies and how much it may hold. */
export interface SliceStoreOptions {
  directory: string;
  maxBytes: number;
}

/** Told when what is stored for its key may be out of date. */
export interface Watch extends Disposable {
  isDoomed: boolean;
}

/** What a representation is made of. */
export type SlicedDraft = Omit<Sliced, "id" | "facts" | "status" | "parts" | "fetches" | "objectId" | "isDoomed">;

/**
 * What is stored in part: representations of which only some bytes are here, found by site and key like the catalog's entries. Bounded on disk: the
 * parts used least recently go first. The index is in memory; a start reads it back from the files.
 */
export class SliceStore implements AsyncDisposable {
  readonly #files: SliceFiles;
  readonly #options: SliceStoreOptions;
  readonly #log: Log;
  readonly #byKey = new Map<string, Sliced[]>();
  /** Least recently used first. */
  readonly #uses = new Map<Part, Sliced>();
  readonly #watches = new Map<Watch, { site: string; key: string }>();
  readonly #heads = new Map<Sliced, Promise<void>>();
  readonly #writes = new Set<Promise<unknown>>();
  #storedBytes = 0;

  constructor(options: SliceStoreOptions, deps: { log: Log }) {
    this.#options = options;
    this.#log = deps.log;
    this.#files = new SliceFiles(options.directory);
  }

  /** Disk space taken, in bytes. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  get partCount(): number {
    return this.#uses.size;
  }

  /** Takes up what an earlier process stored; call once before use. @throws NesonError `slices-unusable` (operator) */
  async open(): Promise<void> {
    const parts: { writtenAtMs: number; part: Part; sliced: Sliced }[] = [];
    for (const { id, head, parts: found } of await this.#files.open()) {
      const { validator, ...known } = head;
      const sliced = this.#made({ ...known, validator: validator ?? undefined }, id);
      this.#index(sliced);
      this.#heads.set(sliced, Promise.resolve());
      for (const { writtenAtMs, ...part } of found) parts.push({ writtenAtMs, part, sliced });
    }
    parts.sort((a, b) => a.writtenAtMs - b.writtenAtMs);
    for (const { part, sliced } of parts) this.#adopt(sliced, part);
    this.#makeRoom();
  }

  /** The representation that answers a request with these header fields, as far as its parts go. */
  find(site: string, key: string, headers: RequestHeaders): Sliced | undefined {
    const known = this.#byKey.get(idOf(site, key));
    return known === undefined ? undefined : selectVariant(known, selectingHeaders(headers));
  }

  /** Watches a key until disposed of, for an answer that is under way. */
  watch(site: string, key: string): Watch {
    const watch: Watch = { isDoomed: false, [Symbol.dispose]: () => void this.#watches.delete(watch) };
    this.#watches.set(watch, { site, key });
    return watch;
  }

  /** A representation of which nothing is stored yet; what was stored of another version of it goes. */
  add(head: SlicedDraft): Sliced {
    const sliced = this.#made(head, randomUUID());
    const known = this.#byKey.get(idOf(head.site, head.key)) ?? [];
    for (const other of known) if (other.variantKey === sliced.variantKey) this.drop(other);
    this.#index(sliced);
    const oldest = known.length > MAX_VARIANTS ? known[0] : undefined;
    if (oldest !== undefined) this.drop(oldest);
    return sliced;
  }

  /** The same for an answer that is not to be kept: nobody finds it, and nothing of it is stored. */
  make(head: SlicedDraft): Sliced {
    return { ...this.#made(head, randomUUID()), isDoomed: true };
  }

  /** Stores bytes from `first` on. False when the disk failed or they are not wanted any more; never rejects. */
  addPart(sliced: Sliced, first: number, chunks: readonly Uint8Array[]): Promise<boolean> {
    return this.#tracked(this.#addPart(sliced, first, chunks));
  }

  /** Notes that header fields or times of a representation changed. */
  update(sliced: Sliced): void {
    const written = this.#heads.get(sliced);
    if (written === undefined || sliced.isDoomed) return;
    const writing = written
      .then(() => (sliced.isDoomed ? undefined : this.#files.writeHead(sliced)))
      .catch((error) => this.#warn(sliced, "writing its head", error));
    this.#heads.set(sliced, writing);
    this.#tracked(writing);
  }

  /** Stored bytes from `at` on, at most up to `last`; undefined when none are. Counts as a use. Throws when its part was lost, which is then forgotten. */
  read(sliced: Sliced, at: number, last: number): AsyncGenerator<Uint8Array, void, undefined> | undefined {
    const part = partAt(sliced, at);
    if (part === undefined) return undefined;
    if (this.#uses.delete(part)) this.#uses.set(part, sliced);
    return this.#read(sliced, part, at, Math.min(last, part.last));
  }

  /** Forgets a representation and what is stored of it. */
  drop(sliced: Sliced): void {
    if (sliced.isDoomed) return;
    sliced.isDoomed = true;
    for (const part of sliced.parts) this.#discount(part);
    sliced.parts = [];
    const id = idOf(sliced.site, sliced.key);
    const others = this.#byKey.get(id)?.filter((other) => other !== sliced) ?? [];
    if (others.length === 0) this.#byKey.delete(id);
    else this.#byKey.set(id, others);
    this.#heads.delete(sliced);
    this.#tracked(this.#files.remove(sliced).catch((error) => this.#warn(sliced, "removing it", error)));
  }

  /** Forgets every variant of a key, and dooms what is under way for it. */
  removeParts(site: string, key: string): void {
    for (const sliced of [...(this.#byKey.get(idOf(site, key)) ?? [])]) this.drop(sliced);
    for (const [watch, order] of this.#watches) if (order.site === site && order.key === key) watch.isDoomed = true;
  }

  /** Forgets everything of a site. */
  removeSite(site: string): void {
    this.removeWhere(site, () => true);
  }

  /**
   * Forgets what of a site matches, as for a purge by prefix or tag.
   * @param matches given the key and the header fields (flat), or no fields for an answer that is still to come
   */
  removeWhere(site: string, matches: (key: string, headers: readonly string[] | undefined) => boolean): void {
    for (const known of [...this.#byKey.values()]) {
      for (const sliced of known) if (sliced.site === site && matches(sliced.key, sliced.headers)) this.drop(sliced);
    }
    for (const [watch, order] of this.#watches) {
      if (order.site === site && matches(order.key, undefined)) watch.isDoomed = true;
    }
  }

  /** Waits for what is being written. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
  }

  async #addPart(sliced: Sliced, first: number, chunks: readonly Uint8Array[]): Promise<boolean> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (sliced.isDoomed || length === 0 || length > this.#options.maxBytes) return false;
    const hash = createHash("sha256");
    for (const chunk of chunks) hash.update(chunk);
    const part = { first, last: first + length - 1, sha256: hash.digest("hex") };
    try {
      let head = this.#heads.get(sliced);
      if (head === undefined) {
        head = this.#files.writeHead(sliced);
        this.#heads.set(sliced, head);
      }
      await head;
      await this.#files.writePart(sliced, part, chunks);
    } catch (error) {
      if (!sliced.isDoomed) this.#warn(sliced, "storing a part of it", error);
      this.#heads.delete(sliced);
      return false;
    }
    if (sliced.isDoomed) return false;
    this.#adopt(sliced, part);
    this.#makeRoom();
    return true;
  }

  async *#read(sliced: Sliced, part: Part, first: number, last: number): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#files.read(sliced, part, first, last);
    } catch (error) {
      if (sliced.parts.includes(part)) this.#warn(sliced, "reading a part of it", error);
      this.#forget(sliced, part);
      throw error;
    }
  }

  #made(head: SlicedDraft, id: string): Sliced {
    const facts = prepare({ ...head, status: 200 });
    return { ...head, id, status: 200, facts, parts: [], fetches: new Set(), objectId: undefined, isDoomed: false };
  }

  #index(sliced: Sliced): void {
    const id = idOf(sliced.site, sliced.key);
    this.#byKey.set(id, [...(this.#byKey.get(id) ?? []), sliced]);
  }

  #adopt(sliced: Sliced, part: Part): void {
    const former = sliced.parts;
    sliced.parts = withPart(former, part);
    const isKept = sliced.parts.includes(part);
    for (const other of former) {
      if (sliced.parts.includes(other)) continue;
      this.#discount(other);
      // The same bytes once more lie in the same file.
      if (fileNameOf(other) !== fileNameOf(part)) this.#removeFile(sliced, other);
    }
    if (!isKept) {
      this.#removeFile(sliced, part);
      return;
    }
    this.#uses.set(part, sliced);
    this.#storedBytes += costOf(part);
  }

  #makeRoom(): void {
    const { maxBytes } = this.#options;
    const maxParts = MIN_MAX_PARTS + (2 * maxBytes) / SLICE_BYTES;
    for (const [part, sliced] of this.#uses) {
      if (this.#storedBytes <= maxBytes && this.#uses.size <= maxParts) break;
      this.#forget(sliced, part);
    }
  }

  #forget(sliced: Sliced, part: Part): void {
    if (!sliced.parts.includes(part)) return;
    sliced.parts = sliced.parts.filter((other) => other !== part);
    this.#discount(part);
    this.#removeFile(sliced, part);
    if (sliced.parts.length === 0 && sliced.fetches.size === 0) this.drop(sliced);
  }

  #removeFile(sliced: Sliced, part: Part): void {
    // Gone already, as after a disk fault, is as good.
    this.#tracked(this.#files.removePart(sliced, part).catch(() => {}));
  }

  #discount(part: Part): void {
    if (this.#uses.delete(part)) this.#storedBytes -= costOf(part);
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#writes.add(work);
    work.then(
      () => this.#writes.delete(work),
      () => this.#writes.delete(work),
    );
    return work;
  }

  #warn({ site, key }: Sliced, what: string, error: unknown): void {
    this.#log.warn({ err: error, site, target: key }, `a sliced file: ${what} failed: ${describeError(error)}`);
  }
}

/** Opens the store and takes up what is in it; from then on it forgets what the catalog is told to forget. @throws NesonError `slices-unusable` (operator) */
export async function openSliceStore(
  options: SliceStoreOptions,
  deps: { catalog: Pick<Catalog, "onRemoved">; log: Log },
): Promise<SliceStore> {
  const store = new SliceStore(options, deps);
  await store.open();
  deps.catalog.onRemoved = (site, key) => (key === undefined ? store.removeSite(site) : store.removeParts(site, key));
  return store;
}

/** Site names hold no space. */
function idOf(site: string, key: string): string {
  return `${site} ${key}`;
}

function costOf({ first, last }: Part): number {
  return Math.ceil((last - first + 1) / BLOCK_BYTES) * BLOCK_BYTES;
}
