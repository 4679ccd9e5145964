import type { IncomingHttpHeaders } from "node:http";
import { parseHttpDate } from "./date.ts";

/** The validators of the representation at hand, as its header values. */
export interface Validators {
  etag?: string | undefined;
  lastModified?: string | undefined;
  /** Its Date; when given, a Last-Modified less than a second older does not count as strong (RFC 9110 section 8.8.2.2). */
  date?: string | undefined;
}

const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

/**
 * Whether a GET or HEAD is to be answered 304. RFC 9110 section 13.1.2: If-None-Match compares weakly, "*" matches any representation; section 13.2.2:
 * where it is present, If-Modified-Since is ignored.
 */
export function isNotModified(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): boolean {
  const noneMatch = headers["if-none-match"];
  if (noneMatch !== undefined) return matchesAny(noneMatch, etag, weaklyEqual);
  const since = headers["if-modified-since"];
  if (since === undefined || lastModified === undefined) return false;
  if (since === lastModified) return true;
  const sinceMs = parseHttpDate(since);
  const modifiedMs = parseHttpDate(lastModified);
  return sinceMs !== undefined && modifiedMs !== undefined && modifiedMs <= sinceMs;
}

/**
 * Whether a Range may be applied. RFC 9110 section 13.1.5: an entity tag compares strongly, a date must be exactly the strong Last-Modified. No
 * If-Range at all holds.
 */
export function ifRangeHolds(value: string | undefined, { etag, lastModified, date }: Validators): boolean {
  if (value === undefined) return true;
  const text = value.trim();
  if (text.includes('"')) return etag !== undefined && stronglyEqual(text, etag);
  if (lastModified === undefined || text !== lastModified) return false;
  if (date === undefined) return true;
  const dateMs = parseHttpDate(date);
  const modifiedMs = parseHttpDate(lastModified);
  return dateMs !== undefined && modifiedMs !== undefined && dateMs - modifiedMs >= 1000;
}

/**
 * Whether the request is to be answered 412. RFC 9110 section 13.1.1: If-Match compares strongly; section 13.1.4: If-Unmodified-Since counts only
 * without If-Match, with a valid date, and where the representation has a modification date.
 */
export function preconditionFails(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): boolean {
  const match = headers["if-match"];
  if (match !== undefined) return !matchesAny(match, etag, stronglyEqual);
  const since = headers["if-unmodified-since"];
  if (since === undefined || lastModified === undefined) return false;
  const sinceMs = parseHttpDate(since);
  const modifiedMs = parseHttpDate(lastModified);
  return sinceMs !== undefined && modifiedMs !== undefined && modifiedMs > sinceMs;
}

function matchesAny(list: string, etag: string | undefined, equal: (a: string, b: string) => boolean): boolean {
  const text = list.trim();
  if (text === "*") return true;
  if (etag === undefined) return false;
  return (text.match(ENTITY_TAG) ?? []).some((tag) => equal(tag, etag));
}

function weaklyEqual(a: string, b: string): boolean {
  return opaque(a) === opaque(b);
}

function stronglyEqual(a: string, b: string): boolean {
  return a === b && !a.startsWith("W/");
}

function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}
