import { createHash } from "node:crypto";
import { NesonError } from "@neson/kit/error";

/** The strong ETag of a thing's JSON. Equal JSON text, equal tag: what is tagged is always written by one schema, so in one order. */
export function etagOf(value: unknown): string {
  return `"${digestOf(value)}"`;
}

/** 16 hex digits that tell one version of a thing from another. */
export function digestOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value) ?? "")
    .digest("hex")
    .slice(0, 16);
}

/**
 * Holds a change to the version that the request names (RFC 9110, sections 13.1.1 and 13.1.2).
 * @param current undefined when there is none yet
 * @throws NesonError `version-mismatch` (caller)
 */
export function expectVersion(headers: Headers, current: unknown): void {
  const ifMatch = headers.get("if-match");
  const ifNoneMatch = headers.get("if-none-match");
  const tag = current === undefined ? undefined : etagOf(current);
  if (ifMatch !== null && !lists(ifMatch, tag)) throw mismatch("If-Match", ifMatch, tag);
  if (ifNoneMatch !== null && lists(ifNoneMatch, tag)) throw mismatch("If-None-Match", ifNoneMatch, tag);
}

/** Whether a client that sent If-None-Match has that very version already; weakly compared (section 13.1.2). */
export function isUnchanged(headers: Headers, tag: string): boolean {
  const ifNoneMatch = headers.get("if-none-match");
  return ifNoneMatch !== null && lists(ifNoneMatch.replaceAll("W/", ""), tag);
}

function lists(field: string, tag: string | undefined): boolean {
  if (tag === undefined) return false;
  return field.trim() === "*" || field.split(",").some((part) => part.trim() === tag);
}

function mismatch(field: string, found: string, tag: string | undefined): NesonError {
  const now = tag === undefined ? "it does not exist" : `its version is ${tag}`;
  const message = `${field}: found ${found.slice(0, 100)}, but ${now}; read it again and repeat the change on that`;
  return new NesonError("version-mismatch", message, { fault: "caller" });
}
