/**
 * What takes an index from version n to n + 1, at place n. A new index runs through all of them; none is ever altered once it was
 * released.
 */
export const MIGRATIONS: readonly string[] = [
  // An object's row says "whole" only after its bytes were flushed and renamed into place; before that it says that room is taken.
  `
CREATE TABLE objects (
  object_id TEXT PRIMARY KEY, size INTEGER NOT NULL, piece_size INTEGER NOT NULL, sha256 TEXT NOT NULL,
  pieces BLOB NOT NULL, is_whole INTEGER NOT NULL, request_count INTEGER NOT NULL, last_used_at_ms INTEGER NOT NULL
);
CREATE TABLE header_sets (
  object_id TEXT NOT NULL, headers_id TEXT NOT NULL, site TEXT NOT NULL, headers TEXT NOT NULL,
  PRIMARY KEY (object_id, headers_id)
);
CREATE TABLE claims (
  nonce TEXT PRIMARY KEY, ticket TEXT NOT NULL, max_bytes INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL, settled_bytes INTEGER NOT NULL
);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`,
  // Until version 2 nobody noted who had asked for an object: all count as placed, so that none goes for want of a second request.
  // The check number counts on with every check of any object: whoever has the smallest was not checked for the longest. It is no
  // time, because clocks jump.
  `
ALTER TABLE objects ADD COLUMN keep_until INTEGER;
ALTER TABLE objects ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN is_placed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE objects ADD COLUMN check_number INTEGER NOT NULL DEFAULT 0;
CREATE INDEX objects_by_check ON objects (check_number) WHERE is_whole = 1;
CREATE TABLE ranks (
  object_id TEXT PRIMARY KEY, frequency REAL NOT NULL, last_request REAL NOT NULL, priority REAL NOT NULL
) WITHOUT ROWID;
`,
];
