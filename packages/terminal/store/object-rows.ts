import type { Database } from "bun:sqlite";
import type { ObjectDescription } from "@neson/protocol/object";
import { z } from "zod";

/** One row of `objects`, without its piece list. */
export interface ObjectRow {
  object_id: string;
  size: number;
  piece_size: number;
  sha256: string;
  is_whole: number;
  request_count: number;
  last_used_at_ms: number;
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
        `SELECT object_id, size, piece_size, sha256, is_whole, request_count, last_used_at_ms FROM objects
         ORDER BY request_count DESC, last_used_at_ms DESC`,
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
  insertPartial({ objectId, size, pieceSize, sha256, pieces }: ObjectDescription, nowMs: number): void {
    this.#database
      .query("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, 0, 0, ?)")
      .run(objectId, size, pieceSize, sha256, pieces, nowMs);
  }

  insertHeaderSet({ objectId, headersId, site, list }: HeaderSetRow): void {
    this.#database
      .query("INSERT OR REPLACE INTO header_sets VALUES (?, ?, ?, ?)")
      .run(objectId, headersId, site, JSON.stringify(list));
  }

  /** To be called only once the bytes are flushed and in their final place. */
  setWhole(objectId: string): void {
    this.#database.query("UPDATE objects SET is_whole = 1 WHERE object_id = ?").run(objectId);
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

function readList(json: string): [string, string][] | undefined {
  try {
    return listSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
