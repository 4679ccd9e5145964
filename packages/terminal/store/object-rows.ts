import type { Database } from "bun:sqlite";
import type { ObjectDescription } from "@neson/protocol/object";
import { z } from "zod";
import type { KeepTerms } from "./stored-object.ts";

/** One row of `objects`, without its piece list. */
export interface ObjectRow {
  object_id: string;
  size: number;
  piece_size: number;
  sha256: string;
  is_whole: number;
  request_count: number;
  last_used_at_ms: number;
  /** Unix seconds. */
  keep_until: number | null;
  is_pinned: number;
  is_placed: number;
}

/** One header set as it is kept. */
export interface HeaderSetRow {
  objectId: string;
  headersId: string;
  site: string;
  list: [string, string][];
}

const listSchema = z.array(z.tuple([z.string(), z.string()]));

/** The index's statements about objects and header sets. */
export class ObjectRows {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every object, most used first: the order of the start check. */
  all(): ObjectRow[] {
    return this.#database
      .query<ObjectRow, []>(
        `SELECT object_id, size, piece_size, sha256, is_whole, request_count, last_used_at_ms, keep_until, is_pinned, is_placed
         FROM objects ORDER BY request_count DESC, last_used_at_ms DESC`,
      )
      .all();
  }

  /** Every header set that can be read; an unreadable list is left out, as if it had never been saved. */
  allHeaderSets(): HeaderSetRow[] {
    const rows = this.#database
      .query<{ object_id: string; headers_id: string; site: string; headers: string }, []>("SELECT * FROM header_sets")
      .all();
    return rows.flatMap((row) => {
      const list = readList(row.headers);
      if (list === undefined) return [];
      return [{ objectId: row.object_id, headersId: row.headers_id, site: row.site, list }];
    });
  }

  /** Notes that room is taken and a fill begins. */
  insertPartial(description: ObjectDescription, terms: KeepTerms, nowMs: number): void {
    const { objectId, size, pieceSize, sha256, pieces } = description;
    this.#database
      .query(
        `INSERT OR REPLACE INTO objects (object_id, size, piece_size, sha256, pieces, is_whole, request_count, last_used_at_ms,
         keep_until, is_pinned, is_placed) VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?)`,
      )
      .run(objectId, size, pieceSize, sha256, pieces, nowMs, ...termsOf(terms));
  }

  /** Writes how an object is to be kept from now on. */
  updateTerms(objectId: string, terms: KeepTerms): void {
    this.#database
      .query("UPDATE objects SET keep_until = ?, is_pinned = ?, is_placed = ? WHERE object_id = ?")
      .run(...termsOf(terms), objectId);
  }

  insertHeaderSet({ objectId, headersId, site, list }: HeaderSetRow): void {
    this.#database
      .query("INSERT OR REPLACE INTO header_sets VALUES (?, ?, ?, ?)")
      .run(objectId, headersId, site, JSON.stringify(list));
  }

  /** To be called only once the bytes are flushed and in their final place. Counts as a check. */
  setWhole(objectId: string): void {
    this.#database
      .query("UPDATE objects SET is_whole = 1, check_number = ? WHERE object_id = ?")
      .run(this.lastCheck() + 1, objectId);
  }

  /** Bytes are missing again. To be called before the file leaves its final place. */
  setPartial(objectId: string): void {
    this.#database.query("UPDATE objects SET is_whole = 0 WHERE object_id = ?").run(objectId);
  }

  /** The number of the latest check of any whole object; 0 before the first. */
  lastCheck(): number {
    const query = this.#database.query<{ last: number | null }, []>(
      "SELECT max(check_number) AS last FROM objects WHERE is_whole = 1",
    );
    return query.get()?.last ?? 0;
  }

  /** Up to `limit` whole objects whose latest check is the longest ago, and not later than number `upTo`. */
  leastChecked(upTo: number, limit: number): string[] {
    return this.#database
      .query<{ object_id: string }, [number, number]>(
        "SELECT object_id FROM objects WHERE is_whole = 1 AND check_number <= ? ORDER BY check_number LIMIT ?",
      )
      .all(upTo, limit)
      .map((row) => row.object_id);
  }

  /** Notes that these whole objects were checked, in this order, in one transaction. */
  noteChecked(objectIds: readonly string[]): void {
    const query = this.#database.query("UPDATE objects SET check_number = ? WHERE object_id = ?");
    this.#database.transaction(() => {
      let number = this.lastCheck();
      for (const objectId of objectIds) query.run(++number, objectId);
    })();
  }

  /** The 32-byte hashes one after another; undefined for an object without a row. */
  pieces(objectId: string): Uint8Array | undefined {
    const query = this.#database.query<{ pieces: Uint8Array }, [string]>(
      "SELECT pieces FROM objects WHERE object_id = ?",
    );
    return query.get(objectId)?.pieces;
  }

  /** Removes an object with all its header sets. */
  remove(objectId: string): void {
    this.#database.transaction(() => {
      this.#database.query("DELETE FROM header_sets WHERE object_id = ?").run(objectId);
      this.#database.query("DELETE FROM objects WHERE object_id = ?").run(objectId);
    })();
  }

  removeHeaderSet(objectId: string, headersId: string): void {
    this.#database.query("DELETE FROM header_sets WHERE object_id = ? AND headers_id = ?").run(objectId, headersId);
  }

  /** Writes how often objects were asked for, in one transaction. */
  updateUse(uses: { objectId: string; requestCount: number; lastUsedAtMs: number }[]): void {
    const query = this.#database.query("UPDATE objects SET request_count = ?, last_used_at_ms = ? WHERE object_id = ?");
    this.#database.transaction(() => {
      for (const use of uses) query.run(use.requestCount, use.lastUsedAtMs, use.objectId);
    })();
  }
}

function termsOf({ keepUntilSeconds, isPinned, isPlaced }: KeepTerms): [number | null, number, number] {
  return [keepUntilSeconds ?? null, Number(isPinned), Number(isPlaced)];
}

function readList(json: string): [string, string][] | undefined {
  try {
    return listSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
