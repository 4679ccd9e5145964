import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { toBase64Url } from "@neson/protocol/bytes";
import { MAX_INLINE_PIECES, type Manifest } from "@neson/protocol/manifest";
import { type ObjectDescription, pieceCount } from "@neson/protocol/object";
import type { Db } from "../db/database.ts";
import { isUnavailable } from "../db/database-trouble.ts";
import type { RequestHeaders } from "../policy/vary.ts";
import { PurgeMarks } from "../purge/marks.ts";
import { CatalogTables } from "./catalog-tables.ts";
import type { CatalogChange } from "./change.ts";
import { type CatalogEntry, type EntryDraft, entryOf, staleSince, steeredHeadersOf, withHeadersId } from "./entry.ts";
import { Lru } from "./lru.ts";
import { costOf, emptyCost, isSameRow, memoryKey } from "./memory-keys.ts";
import { OwedRemovals } from "./owed-removals.ts";
import { pick } from "./selecting.ts";
import type { Shield } from "./shield.ts";

/** How long a manifest may begin new saves. */
const MANIFEST_SECONDS = 86_400;
/** From here on it pays to clear up after the start, which takes some 0.1 s. */
const MANY_OBJECTS = 100_000;
/** Uses are written to the database once so many objects were used. */
const USES_PER_WRITE = 1000;

/** What `openCatalog` may be told. */
export interface CatalogOptions {
  /** Memory for the entries that answer without a look into the database. */
  memoryBytes: number;
}

/** What the catalog works with. */
export interface CatalogDeps {
  db: Db;
  shield: Shield;
  clock: Clock;
  log: Log;
}

/**
 * What is stored, for which site and target. Rows commit only after the object's bytes lie in the shield, so that a killed process leaves at
 * worst bytes that no row names. Recently used keys (also those known to be absent) are in memory; what another Router changes there, `forgetMemory` and
 * `forgetAll` have read again.
 */
export class Catalog implements AsyncDisposable {
  readonly #tables: CatalogTables;
  readonly #deps: CatalogDeps;
  /** All variants of a key; an empty list says that nothing is stored. */
  readonly #memory: Lru<readonly CatalogEntry[]>;
  /** A read under way; a write takes its key out, and then the result is not kept. */
  readonly #loading = new Map<string, Promise<readonly CatalogEntry[]>>();
  readonly #owed: OwedRemovals;
  #usesNoted: Promise<void> = Promise.resolve();
  /** Purges that are being carried out: they count for every look into the catalog. */
  readonly marks = new PurgeMarks();
  /** Told what is forgotten, as it begins: a key of a site, or the whole site. */
  onRemoved: (site: string, key?: string) => void = () => {};
  /** Told what the database has anew for a key, or no more; without a key, of a site as a whole. */
  onChanged: (change: CatalogChange) => void = () => {};

  constructor(options: CatalogOptions, deps: CatalogDeps) {
    this.#deps = deps;
    this.#tables = new CatalogTables(deps.db);
    this.#memory = new Lru(options.memoryBytes);
    this.#owed = new OwedRemovals(this.#tables, deps);
  }

  /** Makes database and shield agree; call once before use. */
  async reconcile(): Promise<void> {
    const { shield, log } = this.#deps;
    const altered = await shield.adopt((objectIds) => this.#tables.objectsAmong(objectIds));
    if (altered.length > 0)
      log.warn({ objects: altered.length }, "the shield had files of another length than they should have");
    // Rows read for a look at each; without this a Router of a million objects goes through life 100 MiB heavier.
    if (shield.objectCount >= MANY_OBJECTS) Bun.gc(true);
  }

  /**
   * The entry that answers a request with these header fields. At once when the key is in memory, else after a look into the database.
   * Every request counts as having asked for `Accept-Encoding: identity`, since that is what origins are asked.
   */
  find(
    site: string,
    key: string,
    requestHeaders: RequestHeaders,
  ): CatalogEntry | undefined | Promise<CatalogEntry | undefined> {
    const known = this.#memory.get(memoryKey(site, key));
    if (known !== undefined) return pick(this.#judged(site, known), requestHeaders);
    return this.#load(site, key).then((entries) => pick(this.#judged(site, entries), requestHeaders));
  }

  /** Commits a response whose bytes already lie in the shield. */
  async put(draft: EntryDraft, object: ObjectDescription): Promise<CatalogEntry> {
    const { objectId, size, pieceSize, sha256 } = object;
    const entry = entryOf(draft, { objectId, size, pieceSize, sha256 });
    try {
      await this.#owed.settle().then(() => this.#tables.putEntry(entry, object.pieces, this.#deps.clock.nowMs()));
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#warn("storing an entry beyond memory", error);
      const id = memoryKey(entry.site, entry.key);
      if (this.#memory.get(id) === undefined) this.#memory.set(id, [], emptyCost(id));
    }
    this.#remember(entry);
    this.onChanged({ site: entry.site, key: entry.key, isRemoved: false });
    this.#noteUses(USES_PER_WRITE);
    return entry;
  }

  /**
   * Replaces an entry by what a 304 made of it. Nothing happens when the entry was replaced or removed meanwhile.
   * A response without freshness of its own is updated in memory alone: after a restart it is validated again anyway.
   */
  async update(former: CatalogEntry, changed: CatalogEntry): Promise<CatalogEntry> {
    const entry = withHeadersId(changed);
    const lasting = entry.facts.lifetimeSeconds > 0 && !entry.facts.alwaysValidate;
    if (lasting || entry.headersId !== former.headersId) {
      try {
        if (!(await this.#tables.updateEntry(entry))) {
          // Another Router replaced it, or a purge took it away: what memory has is of no use any more.
          this.forgetMemory(entry.site, entry.key);
          return entry;
        }
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        this.#warn("updating an entry beyond memory", error);
      }
    }
    const known = this.#memory.get(memoryKey(entry.site, entry.key));
    if (known === undefined || known.some((other) => isSameRow(other, entry))) this.#remember(entry);
    return entry;
  }

  /** Forgets every variant of a key (RFC 9111 4.4). */
  async remove(site: string, key: string): Promise<void> {
    const id = memoryKey(site, key);
    this.onRemoved(site, key);
    this.#loading.delete(id);
    this.#memory.set(id, [], emptyCost(id));
    await this.#owed.remove({ site, key });
    this.#loading.delete(id);
    this.#memory.set(id, [], emptyCost(id));
    this.onChanged({ site, key, isRemoved: true });
  }

  /** Forgets everything of a site, as when its origin changes. */
  async removeSite(site: string): Promise<void> {
    this.onRemoved(site);
    await this.#owed.remove({ site });
    this.forgetMemory(site);
    this.onChanged({ site, isRemoved: true });
  }

  /** Takes up what another Router changed in the database. */
  acceptChange({ site, key, isRemoved }: CatalogChange): void {
    if (isRemoved) this.onRemoved(site, key);
    this.forgetMemory(site, key);
  }

  /** Has everything that memory knows read again from the database. */
  forgetAll(): void {
    this.#loading.clear();
    this.#memory.deleteWhere(() => true);
  }

  /** Has what memory knows of a site, or of one of its keys, read again from the database. */
  forgetMemory(site: string, key?: string): void {
    const id = memoryKey(site, key ?? "");
    const isMeant = (other: string) => (key === undefined ? other.startsWith(id) : other === id);
    for (const other of this.#loading.keys()) if (isMeant(other)) this.#loading.delete(other);
    if (key === undefined) this.#memory.deleteWhere(isMeant);
    else this.#memory.delete(id);
  }

  /** An object's piece hashes, 32 bytes each. */
  pieces(objectId: string): Promise<Uint8Array | undefined> {
    return this.#tables.pieces(objectId);
  }

  /** The unsigned manifest of an object under one of its header sets, if an entry still has both. */
  async manifestFor(objectId: string, headersId: string): Promise<Manifest | undefined> {
    const entries = await this.#publishing(objectId);
    const entry =
      entries.find((candidate) => candidate.headersId === headersId) ??
      entries.map((candidate) => this.#newest(candidate)).find((candidate) => candidate.headersId === headersId);
    if (entry === undefined) return undefined;
    const { size, pieceSize, sha256 } = entry.object;
    const isInline = pieceCount(size, pieceSize) <= MAX_INLINE_PIECES;
    const pieces = isInline ? await this.pieces(objectId) : undefined;
    if (isInline && pieces === undefined) return undefined;
    const issuedAt = Math.floor(this.#deps.clock.nowMs() / 1000);
    return {
      version: 1,
      objectId,
      size,
      pieceSize,
      sha256,
      ...(pieces === undefined ? {} : { pieces: toBase64Url(pieces) }),
      headers: steeredHeadersOf(entry),
      headersId,
      site: entry.site,
      issuedAt,
      expiresAt: issuedAt + MANIFEST_SECONDS,
    };
  }

  /** The header sets under which entries publish an object now. */
  async headersIdsOf(objectId: string): Promise<Set<string>> {
    const entries = await this.#publishing(objectId);
    return new Set(entries.flatMap((entry) => [entry.headersId, this.#newest(entry).headersId]));
  }

  /** Figures for people. */
  async stored(): Promise<{ entries: number; objects: number; shieldObjects: number; shieldBytes: number }> {
    const { shield } = this.#deps;
    return { ...(await this.#tables.counts()), shieldObjects: shield.objectCount, shieldBytes: shield.storedBytes };
  }

  /** Writes down which objects were used last, so that the next start keeps the right ones. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#noteUses(1);
    await this.#usesNoted;
  }

  /** What memory has in place of a database row: it may be ahead of it, see `update`. */
  #newest(row: CatalogEntry): CatalogEntry {
    const known = this.#memory.get(memoryKey(row.site, row.key)) ?? [];
    return known.find((entry) => isSameRow(entry, row)) ?? row;
  }

  /** The entries under which an object is published now. */
  async #publishing(objectId: string): Promise<CatalogEntry[]> {
    const entries = await this.#tables.entriesOfObject(objectId);
    return entries.filter((entry) => this.marks.judge(entry) !== "gone");
  }

  /** The entries as purges that are being carried out leave them. */
  #judged(site: string, entries: readonly CatalogEntry[]): readonly CatalogEntry[] {
    if (!this.marks.concerns(site)) return entries;
    return entries.flatMap((entry) => {
      const judgement = this.marks.judge(entry);
      if (judgement === "gone") return [];
      return judgement === "untouched" ? [entry] : [staleSince(entry, judgement.staleSinceMs)];
    });
  }

  #load(site: string, key: string): Promise<readonly CatalogEntry[]> {
    const id = memoryKey(site, key);
    const underWay = this.#loading.get(id);
    if (underWay !== undefined) return underWay;
    const reading = this.#owed.settle().then(() => this.#tables.entriesOfKey(site, key));
    const loading = reading.then(
      (entries) => {
        if (this.#loading.get(id) === loading) {
          this.#loading.delete(id);
          this.#memory.set(id, entries, costOf(id, entries));
        }
        return entries;
      },
      (error) => {
        if (this.#loading.get(id) === loading) this.#loading.delete(id);
        throw error;
      },
    );
    this.#loading.set(id, loading);
    return loading;
  }

  #remember(entry: CatalogEntry): void {
    const id = memoryKey(entry.site, entry.key);
    // A read under way may have missed this write; with unknown variants beside it, the next find reads them all.
    this.#loading.delete(id);
    const known = this.#memory.get(id);
    if (known === undefined) return;
    const entries = [...known.filter((other) => other.variant !== entry.variant), entry];
    this.#memory.set(id, entries, costOf(id, entries));
  }

  #noteUses(atLeast: number): void {
    const uses = this.#deps.shield.takeUsed(atLeast);
    if (uses === undefined) return;
    this.#usesNoted = this.#usesNoted
      .then(() => this.#tables.noteUsed(uses, this.#deps.clock.nowMs()))
      .catch((error) => this.#warn("noting used objects", error));
  }

  #warn(what: string, error: unknown): void {
    this.#deps.log.warn({ err: error }, `${what} failed: ${describeError(error)}`);
  }
}

/** Opens the catalog and makes it agree with what the shield really holds. */
export async function openCatalog(options: CatalogOptions, deps: CatalogDeps): Promise<Catalog> {
  const catalog = new Catalog(options, deps);
  await catalog.reconcile();
  return catalog;
}
