import { z } from "zod";

/** Lower-case hex of exactly that many bytes. */
export function hexOf(byteCount: number) {
  return z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${byteCount * 2}}$`), `expected ${byteCount * 2} lower-case hex digits`);
}

/** Unpadded base64url of exactly that many bytes. */
export function base64UrlOf(byteCount: number) {
  const chars = Math.ceil((byteCount * 4) / 3);
  return z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${chars}}$`), `expected ${chars} base64url characters`);
}

/** Unpadded base64url of at most that many bytes. */
export function base64UrlUpTo(byteCount: number) {
  const chars = Math.ceil((byteCount * 4) / 3);
  return z
    .string()
    .max(chars)
    .regex(/^[A-Za-z0-9_-]*$/, "expected base64url characters");
}

/** Text for people or logs, at most that many UTF-16 units. */
export function textOf(maxChars: number) {
  return z.string().max(maxChars);
}

/** A whole number from 0 up to `max`. */
export function countOf(max: number = Number.MAX_SAFE_INTEGER) {
  return z.number().int().min(0).max(max);
}

/** `objectId`: 64 hex digits. */
export const objectIdField = hexOf(32);

/** `headersId`: 16 hex digits. */
export const headersIdField = hexOf(8);

/** Name that ties an answer to its question, chosen by the asker. */
export const idField = z.string().min(1).max(64);

/**
 * What is wrong with a value, for a message: the dotted field, the value found (shortened) and what is allowed.
 *
 * @param subject what was being read; the first part of the dotted path
 */
export function describeIssue(subject: string, error: z.ZodError, input: unknown): { field: string; text: string } {
  const issue = error.issues[0];
  const path = issue?.path ?? [];
  const field = [subject, ...path.map(String)].join(".");
  const found = path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);
  return { field, text: `${field}: found ${shorten(found)}; ${issue?.message ?? "not allowed"}` };
}

function shorten(value: unknown): string {
  const isSimple = typeof value !== "object" || value === null;
  const text = isSimple ? (JSON.stringify(value) ?? "nothing") : Array.isArray(value) ? "a list" : "an object";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
