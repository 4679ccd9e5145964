import type { ApiKeysTable, AuditTrailTable, IdempotencyKeysTable } from "./schema-control-api.ts";
import type { PrefetchJobsTable, PrefetchTargetsTable } from "./schema-prefetch.ts";
import type { EntryTagsTable, PurgeJobsTable } from "./schema-purge.ts";
import type {
  SiteUsageTable,
  SpendAlertsTable,
  TrafficFiguresTable,
  WebhookSecretsTable,
  WrittenFiguresTable,
} from "./schema-traffic.ts";

/** The Router's tables as Kysely sees them. `migrations.ts` creates them; both change together. */
export interface Schema {
  objects: ObjectsTable;
  entries: EntriesTable;
  sites: SitesTable;
  ticket_claims: TicketClaimsTable;
  meter_totals: MeterTotalsTable;
  terminal_days: TerminalDaysTable;
  terminal_reasons: TerminalReasonsTable;
  terminal_tracks: TerminalTracksTable;
  purged_objects: PurgedObjectsTable;
  network_facts: NetworkFactsTable;
  traffic_figures: TrafficFiguresTable;
  written_figures: WrittenFiguresTable;
  site_usage: SiteUsageTable;
  spend_alerts: SpendAlertsTable;
  webhook_secrets: WebhookSecretsTable;
  entry_tags: EntryTagsTable;
  purge_jobs: PurgeJobsTable;
  prefetch_jobs: PrefetchJobsTable;
  prefetch_targets: PrefetchTargetsTable;
  api_keys: ApiKeysTable;
  audit_trail: AuditTrailTable;
  idempotency_keys: IdempotencyKeysTable;
}

/** One immutable sequence of bytes that some entry refers to. */
export interface ObjectsTable {
  object_id: string;
  size: number;
  piece_size: number;
  sha256: string;
  /** Concatenated 32-byte piece hashes. */
  pieces: Uint8Array;
  /** Unix milliseconds. */
  created_at: number;
  last_used_at: number;
}

/** What all Routers on this database must agree on. */
export interface NetworkFactsTable {
  name: "keys";
  value: string;
}

/** One stored response: which bytes a site answers for a cache key, and under which header fields. */
export interface EntriesTable {
  site: string;
  key: string;
  /** Empty, or the hash of the request fields that Vary selects by. */
  variant: string;
  /** JSON: [name, value or null][] of the selecting request fields. */
  vary: string;
  status: number;
  /** JSON: [name, value][] as stored. */
  headers: string;
  object_id: string;
  request_time_ms: number;
  response_time_ms: number;
  created_at: number;
  /** Unix milliseconds; set when the site's owner declared it stale. */
  stale_since: number | null;
}

/** One business user's site as it was last put. */
export interface SitesTable {
  name: string;
  /** JSON text of the whole site, read back through its schema. */
  settings: string;
  created_at: number;
}

/** What one ticket's nonce has been paid so far; kept until no claim for it can be accepted any more. */
export interface TicketClaimsTable {
  nonce: string;
  /** The nonce without its last byte: the tickets of one answer share it and one ceiling. */
  ticket_group: string;
  terminal_id: string;
  site: string;
  object_id: string;
  paid_bytes: number;
  /** The most that was ever claimed on it. */
  claimed_bytes: number;
  /** Unix seconds. */
  expires_at: number;
}

/** Bytes paid for since the beginning, per Terminal and site. */
export interface MeterTotalsTable {
  terminal_id: string;
  site: string;
  paid_bytes: number;
  paid_tickets: number;
}

/** What a Terminal's claims came to on one UTC day. */
export interface TerminalDaysTable {
  terminal_id: string;
  /** As "2026-11-22". */
  day: string;
  paid_bytes: number;
  refused_bytes: number;
}

/** Why something was refused to, or held against, a Terminal: the latest few of each kind. */
export interface TerminalReasonsTable {
  terminal_id: string;
  kind: "refusal" | "corrupt" | "unknown" | "offline";
  /** UTC, as "2026-11-22". */
  day: string;
  reason: string;
  /** How often on that day. */
  count: number;
  /** Unix milliseconds. */
  last_at: number;
}

/** The sums of one track of a Terminal's checks. */
export interface TerminalTracksTable {
  terminal_id: string;
  track: "corrupt" | "unknown" | "offline";
  checks: number;
  failures: number;
  score: number;
}

/** Objects that Terminals must not keep any more: those that were away meanwhile are told when they list them. */
export interface PurgedObjectsTable {
  object_id: string;
  /** Unix milliseconds. */
  purged_at: number;
}
