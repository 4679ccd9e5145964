import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { toBase64Url } from "@neson/protocol/bytes";
import { MAX_INLINE_PIECES, type Manifest } from "@neson/protocol/manifest";
import { type ObjectDescription, pieceCount } from "@neson/protocol/object";
import type { Db } from "../db/database.ts";
import { type RequestHeaders, selectVariant } from "../policy/vary.ts";
import { PurgeMarks } from "../purge/marks.ts";
import { CatalogTables } from "./catalog-tables.ts";
import { type CatalogEntry, type EntryDraft, entryOf, memoryCostOf, staleSince, withSteeredHeaders } from "./entry.ts";
import { Lru } from "./lru.ts";
import type { Shield } from "./shield.ts";

/** How long a manifest may begin new saves. */
const MANIFEST_SECONDS = 86_400;
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
 * worst bytes that no row names. Recently used keys (also those known to be absent) are in memory; this process must be the only writer.
 */
export class Catalog implements AsyncDisposable {
  readonly #tables: CatalogTables;
  readonly #deps: CatalogDeps;
  /** All variants of a key; an empty list says that nothing is stored. */
  readonly #memory: Lru<readonly CatalogEntry[]>;
  /** A read under way; a write takes its key out, and then the result is not kept. */
  readonly #loading = new Map<string, Promise<readonly CatalogEntry[]>>();
  #usesNoted: Promise<void> = Promise.resolve();
  /** Purges that are being carried out: they count for every look into the catalog. */
  readonly marks = new PurgeMarks();
  /** Told what is forgotten, as it begins: a key of a site, or the whole site. */
  onRemoved: (site: string, key?: string) => void = () => {};

  constructor(options: CatalogOptions, deps: CatalogDeps) {
    this.#deps = deps;
    this.#tables = new CatalogTables(deps.db);
    this.#memory = new Lru(options.memoryBytes);
    deps.shield.onLost = (objectIds) => {
      this.#tables.noteLost(objectIds).catch((error) => this.#warn("noting lost objects", error));
    };
  }

  /** Makes database and shield agree; call once before use. */
  async reconcile(): Promise<void> {
    const missing = await this.#deps.shield.adopt(await this.#tables.shieldedObjects());
    await this.#tables.noteLost(missing);
    if (missing.length > 0) this.#deps.log.warn({ objects: missing.length }, "the shield lacks bytes of known objects");
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
    await this.#tables.putEntry(entry, object.pieces, this.#deps.clock.nowMs());
    this.#remember(entry);
    this.#noteUses(USES_PER_WRITE);
    return entry;
  }

  /**
   * Replaces an entry by what a 304 made of it. Nothing happens when the entry was replaced or removed meanwhile.
   * A response without freshness of its own is updated in memory alone: after a restart it is validated again anyway.
   */
  async update(former: CatalogEntry, changed: CatalogEntry): Promise<CatalogEntry> {
    const entry = withSteeredHeaders(changed);
    const lasting = entry.facts.lifetimeSeconds > 0 && !entry.facts.alwaysValidate;
    if (lasting || entry.headersId !== former.headersId) {
      if (!(await this.#tables.updateEntry(entry))) return entry;
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
    await this.#tables.removeKey(site, key);
    this.#loading.delete(id);
    this.#memory.set(id, [], emptyCost(id));
  }

  /** Forgets everything of a site, as when its origin changes. */
  async removeSite(site: string): Promise<void> {
    this.onRemoved(site);
    await this.#tables.removeSite(site);
    this.forgetMemory(site);
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
      headers: entry.steeredHeaders,
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
    const loading = this.#tables.entriesOfKey(site, key).then(
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

/** The request's fields as the origin sees them when its answer may be stored: those that choose among variants. */
export function selectingHeaders(headers: RequestHeaders): RequestHeaders {
  return { ...headers, "accept-encoding": "identity" };
}

function pick(entries: readonly CatalogEntry[], headers: RequestHeaders): CatalogEntry | undefined {
  const [only] = entries;
  if (only === undefined) return undefined;
  if (entries.length === 1 && only.vary.length === 0) return only;
  return selectVariant(entries, selectingHeaders(headers));
}

function isSameRow(a: CatalogEntry, b: CatalogEntry): boolean {
  return a.site === b.site && a.key === b.key && a.variant === b.variant && a.object.objectId === b.object.objectId;
}

/** Site names hold no space. */
function memoryKey(site: string, key: string): string {
  return `${site} ${key}`;
}

function emptyCost(id: string): number {
  return 200 + id.length;
}

function costOf(id: string, entries: readonly CatalogEntry[]): number {
  return entries.reduce((sum, entry) => sum + memoryCostOf(entry), emptyCost(id));
}
