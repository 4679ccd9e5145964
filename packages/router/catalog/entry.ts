import { createHash } from "node:crypto";
import { reprDigestHeader } from "@neson/protocol/http-digest";
import { headersIdOf } from "@neson/protocol/manifest";
import { z } from "zod";
import type { EntriesTable, ObjectsTable } from "../db/schema.ts";
import type { StoredResponse } from "../policy/plan.ts";
import { prepare } from "../policy/prepare.ts";
import { type HeaderList, steeredHeaders } from "./steered-headers.ts";

/** An object as the request path knows it: without its piece list. */
export interface CatalogObject {
  objectId: string;
  size: number;
  pieceSize: number;
  /** Hex, of the whole. */
  sha256: string;
}

/** One stored response and the bytes it stands for. Never changed in place: a revalidation makes a new one. */
export interface CatalogEntry extends StoredResponse {
  site: string;
  /** The raw request target. */
  key: string;
  /** Empty, or the hash of the selecting request fields. */
  variant: string;
  /** When the body was pulled. */
  createdAtMs: number;
  object: CatalogObject;
  /** Names the header set under which Terminals answer: `steeredHeadersOf`. */
  headersId: string;
}

/** A response that is being stored: everything of an entry but its object. */
export interface EntryDraft {
  site: string;
  key: string;
  status: number;
  /** Flat and end-to-end, without Content-Length. */
  headers: string[];
  requestTimeMs: number;
  responseTimeMs: number;
  vary: [string, string | null][];
  /** Canonical text of `vary`; "" when it does not vary. */
  variantKey: string;
}

type EntryRow = EntriesTable & Pick<ObjectsTable, "size" | "piece_size" | "sha256">;

const headersSchema = z.array(z.tuple([z.string(), z.string()])).max(10_000);
const varySchema = z.array(z.tuple([z.string(), z.string().nullable()])).max(1000);

/** The entry that a finished draft becomes. */
export function entryOf(draft: EntryDraft, object: CatalogObject): CatalogEntry {
  const { variantKey, ...rest } = draft;
  const variant = variantKey === "" ? "" : createHash("sha256").update(variantKey).digest("hex").slice(0, 32);
  const response = { ...rest, facts: prepare(draft) };
  return withHeadersId({ ...response, variant, object, createdAtMs: draft.responseTimeMs });
}

/** The header set under which Terminals answer. Made when asked for: in memory it would be a third of an entry. */
export function steeredHeadersOf(entry: Omit<CatalogEntry, "headersId">): HeaderList {
  return steeredHeaders({
    headers: entry.headers,
    createdAtMs: entry.createdAtMs,
    lifetimeSeconds: entry.facts.alwaysValidate ? 0 : entry.facts.lifetimeSeconds,
    reprDigest: reprDigestHeader(entry.object.sha256),
  });
}

/** The entry with the id of its header set made anew, as after a revalidation. */
export function withHeadersId(entry: Omit<CatalogEntry, "headersId">): CatalogEntry {
  return { ...entry, headersId: headersIdOf(steeredHeadersOf(entry)) };
}

/** The entry as it is once its owner has declared it stale. */
export function staleSince(entry: CatalogEntry, staleSinceMs: number): CatalogEntry {
  const sinceMs = Math.min(staleSinceMs, entry.facts.staleSinceMs ?? staleSinceMs);
  return { ...entry, facts: Object.freeze({ ...entry.facts, staleSinceMs: sinceMs }) };
}

/** @throws when the row was not written by `rowOf` */
export function entryOfRow(row: EntryRow): CatalogEntry {
  const received = {
    status: row.status,
    headers: headersSchema.parse(JSON.parse(row.headers)).flat().map(shared),
    requestTimeMs: Number(row.request_time_ms),
    responseTimeMs: Number(row.response_time_ms),
  };
  return withHeadersId({
    ...received,
    site: row.site,
    key: row.key,
    variant: row.variant,
    vary: varySchema.parse(JSON.parse(row.vary)),
    facts:
      row.stale_since === null ? prepare(received) : { ...prepare(received), staleSinceMs: Number(row.stale_since) },
    createdAtMs: Number(row.created_at),
    object: {
      objectId: row.object_id,
      size: Number(row.size),
      pieceSize: row.piece_size,
      sha256: row.sha256,
    },
  });
}

/** Field names and values recur from row to row: entries in memory have one copy of each. */
const texts = new Map<string, string>();
const MAX_SHARED_TEXTS = 10_000;
const MAX_SHARED_CHARS = 100;

function shared(text: string): string {
  if (text.length > MAX_SHARED_CHARS) return text;
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= MAX_SHARED_TEXTS) texts.clear();
  texts.set(text, text);
  return text;
}

/** The entry as the database keeps it; `entryOfRow` reads it back. */
export function rowOf(entry: CatalogEntry): EntriesTable {
  return {
    site: entry.site,
    key: entry.key,
    variant: entry.variant,
    vary: JSON.stringify(entry.vary),
    status: entry.status,
    headers: JSON.stringify(pairs(entry.headers)),
    object_id: entry.object.objectId,
    request_time_ms: entry.requestTimeMs,
    response_time_ms: entry.responseTimeMs,
    created_at: entry.createdAtMs,
    stale_since: entry.facts.staleSinceMs ?? null,
  };
}

/** Roughly what an entry holds in memory, in bytes. */
export function memoryCostOf(entry: CatalogEntry): number {
  let chars = entry.key.length;
  for (const text of entry.headers) chars += 2 * text.length + 24;
  for (const [name, value] of entry.vary) chars += name.length + (value?.length ?? 0) + 80;
  return 1200 + chars;
}

function pairs(flat: readonly string[]): HeaderList {
  const list: HeaderList = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? "", flat[i + 1] ?? ""]);
  return list;
}
