/** One key of the control API. */
export interface ApiKeysTable {
  /** The part of the key that is no secret. */
  id: string;
  name: string;
  /** Hex SHA-256 of the whole key. */
  secret_hash: string;
  /** JSON: scopes. */
  scopes: string;
  /** JSON: names of the only sites it is for; null when it is for all. */
  sites: string | null;
  /** Id of the caller that made it. */
  created_by: string;
  /** Unix milliseconds, like the others. */
  created_at: number;
  expires_at: number | null;
  /** Accurate to a minute. */
  last_used_at: number | null;
  revoked_at: number | null;
}

/** One call that changed something, or tried to. */
export interface AuditTrailTable {
  /** Sorts by time. */
  id: string;
  /** Unix milliseconds. */
  at: number;
  caller: string;
  caller_name: string;
  address: string;
  /** The call's id, as "putSite". */
  call: string;
  path: string;
  site: string | null;
  status: number;
  /** Of the refusal. */
  code: string | null;
  summary: string;
  request_id: string;
}

/** The answer to a request that came with an Idempotency-Key. */
export interface IdempotencyKeysTable {
  caller: string;
  key: string;
  /** Hex SHA-256 of method, target and body. */
  request_digest: string;
  /** 0 while the call runs. */
  status: number;
  /** JSON: [name, value][]. */
  headers: string;
  /** Null when it must not or cannot be kept. */
  body: string | null;
  /** Unix milliseconds. */
  created_at: number;
}
