/** One prefetch; kept for a month. */
export interface PrefetchJobsTable {
  id: string;
  site: string;
  /** 1: what a playlist names is pulled as well. */
  follows_playlists: number;
  /** Unix milliseconds. */
  accepted_at: number;
  /** Unix milliseconds; null while it is being carried out. */
  done_at: number | null;
}

/** One thing that a prefetch has to pull; goes with its job. */
export interface PrefetchTargetsTable {
  job_id: string;
  /** From 0 on, in the order in which they are pulled. */
  number: number;
  /** Raw, in origin-form. */
  target: string;
  /** 0 when its job named it, 1 when a playlist of depth 0 did, and so on. */
  depth: number;
  state: "waiting" | "stored" | "fresh" | "not-storable" | "failed";
  /** Why it failed or could not be stored. */
  detail: string | null;
  /** Of the body, once it is stored. */
  bytes: number;
}
