/** Requests and body bytes of a site in one minute, hour or day, whole or by one property of the requests. */
export interface TrafficFiguresTable {
  site: string;
  step: "minute" | "hour" | "day";
  /** Unix seconds. */
  starts_at: number;
  dimension: "total" | "sender" | "outcome" | "status" | "country" | "terminal";
  /** Of the dimension; "" for the total. */
  value: string;
  requests: number;
  bytes: number;
}

/** A batch of figures that was written; kept for a week, for a Router that was not told so. */
export interface WrittenFiguresTable {
  batch: string;
  /** Unix milliseconds. */
  written_at: number;
}

/** What a site is charged for in one month. */
export interface SiteUsageTable {
  site: string;
  /** UTC, as "2026-11". */
  month: string;
  requests: number;
  /** Body bytes that Routers sent. */
  router_bytes: number;
  /** Body bytes that Terminals claimed and were found to be owed for. */
  terminal_bytes: number;
  /** The cap of the site as it was last in this month, millionths of the currency unit. */
  cap_micros: number | null;
}

/** Which of a site's secrets signs what is posted to its webhook. */
export interface WebhookSecretsTable {
  site: string;
  /** Grows with each rotation; the secret is derived from it. */
  generation: number;
  /** Unix milliseconds. */
  rotated_at: number;
}

/** One alert about a site's spending; kept until it reached the site's webhook, and shown for a year. */
export interface SpendAlertsTable {
  id: string;
  site: string;
  month: string;
  /** Share of the cap that was reached. */
  percent: number;
  /** Millionths of the currency unit. */
  cap_micros: number;
  cost_micros: number;
  /** Unix milliseconds. */
  created_at: number;
  attempts: number;
  /** When the webhook is tried next; beyond all time once it was delivered or given up. */
  next_at: number;
  delivered_at: number | null;
  last_error: string | null;
}
