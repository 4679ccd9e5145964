/** A tag of one entry; goes with it. */
export interface EntryTagsTable {
  site: string;
  tag: string;
  key: string;
  variant: string;
}

/** One purge and how far it is; kept for a month. */
export interface PurgeJobsTable {
  id: string;
  site: string;
  by: "url" | "path" | "prefix" | "tag" | "site";
  value: string;
  mode: "hard" | "soft";
  /** Unix milliseconds: what was asked of the origin up to then is purged. */
  accepted_at: number;
  /** Unix milliseconds; null while it is being carried out. */
  done_at: number | null;
  /** Unix milliseconds: pulls that had begun before it are over, and what came of them is cleared away; null until then. */
  settled_at: number | null;
  /** Entries that it was aimed at when it began. */
  found: number;
  /** Entries removed or made stale. */
  entries: number;
  /** Objects whose bytes went, since nothing publishes them any more. */
  objects: number;
  /** Terminals that were told to drop some of them; those of them that did not confirm it in time, and those that left before they did. */
  terminals: number;
  unconfirmed: number;
  absent: number;
}
