import type { Database } from "bun:sqlite";

/** What one ticket's transfers have sent, as it is kept. */
export interface ClaimRow {
  nonce: string;
  ticket: string;
  maxBytes: number;
  /** Unix seconds. */
  expiresAt: number;
  /** Body bytes sent so far. */
  bytes: number;
  /** How many of them the Router has acknowledged or finally refused. */
  settledBytes: number;
}

/** The index's statements about claims. */
export class ClaimRows {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  all(): ClaimRow[] {
    const columns =
      "nonce, ticket, max_bytes AS maxBytes, expires_at AS expiresAt, bytes, settled_bytes AS settledBytes";
    return this.#database.query<ClaimRow, []>(`SELECT ${columns} FROM claims`).all();
  }

  /** Writes all of them or none. */
  save(rows: Iterable<ClaimRow>): void {
    const query = this.#database.query("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)");
    this.#database.transaction(() => {
      for (const row of rows) {
        query.run(row.nonce, row.ticket, row.maxBytes, row.expiresAt, row.bytes, row.settledBytes);
      }
    })();
  }

  remove(nonces: Iterable<string>): void {
    const query = this.#database.query("DELETE FROM claims WHERE nonce = ?");
    this.#database.transaction(() => {
      for (const nonce of nonces) query.run(nonce);
    })();
  }
}
