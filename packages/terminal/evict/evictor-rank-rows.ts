import type { Database } from "bun:sqlite";
import type { RankState } from "./ranking.ts";

/** The index's statements about how the eviction policy ranks objects. */
export class RankRows {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** By object id; what cannot be a rank is left out. */
  all(): Map<string, RankState> {
    const query = this.#database.query<{ id: string } & RankState, []>(
      "SELECT object_id AS id, frequency, last_request AS lastRequest, priority FROM ranks",
    );
    const ranks = new Map<string, RankState>();
    for (const { id, frequency, lastRequest, priority } of query.all()) {
      if ([frequency, lastRequest, priority].every((value) => Number.isFinite(value) && value >= 0)) {
        ranks.set(id, { frequency, lastRequest, priority });
      }
    }
    return ranks;
  }

  /** Writes the ranks of these objects, and forgets those that have none any more; all or nothing. */
  save(objectIds: Iterable<string>, rankOf: (objectId: string) => RankState | undefined): void {
    const write = this.#database.query("INSERT OR REPLACE INTO ranks VALUES (?, ?, ?, ?)");
    const remove = this.#database.query("DELETE FROM ranks WHERE object_id = ?");
    this.#database.transaction(() => {
      for (const objectId of objectIds) {
        const rank = rankOf(objectId);
        if (rank === undefined) remove.run(objectId);
        else write.run(objectId, rank.frequency, rank.lastRequest, rank.priority);
      }
    })();
  }
}
