import { NesonError } from "@neson/kit/error";
import type { z } from "zod";

const MAX_ERRORS = 20;
const MAX_FOUND_CHARS = 100;

/** One thing that is wrong with what was sent. */
export interface FieldError {
  /** "body.origin", "query.limit", "path.name". */
  field: string;
  /** What was there, shortened; never the value of a secret. */
  found: string;
  allowed: string;
}

/** A refusal as it is told. */
export interface Problem {
  status: number;
  /** Stable, for programs. */
  code: string;
  /** For people: what was tried, found, allowed. */
  detail: string;
  errors?: readonly FieldError[];
  headers?: Record<string, string>;
}

/** Where the Router explains its problems, each under an anchor of its code. */
const PROBLEMS_PATH = "/api/v1/problems";

/** A problem as RFC 9457 has it: `type` leads to what is said of its kind, `instance` names this occurrence of it. */
export function problemResponse({ status, code, detail, errors, headers }: Problem, requestId: string): Response {
  const title = code[0]?.toUpperCase() + code.slice(1).replaceAll("-", " ");
  const instance = `urn:neson:request:${requestId}`;
  const body = { type: `${PROBLEMS_PATH}#${code}`, title, status, detail, instance, code, ...(errors && { errors }) };
  return Response.json(body, { status, headers: { ...headers, "Content-Type": "application/problem+json" } });
}

/**
 * Reads what a caller sent through its schema.
 * @param place what was read: "body", "query", "path"; the first part of every field
 * @throws NesonError `bad-input` (caller) that names every field that is wrong, up to 20
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown, place: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw badInput(parsed.error.issues.slice(0, MAX_ERRORS).flatMap((issue) => fieldErrors(issue, value, place)));
}

/** The error that tells a caller which fields are wrong. */
export function badInput(errors: readonly FieldError[]): NesonError {
  const lines = errors.map(({ field, found, allowed }) => `${field}: found ${found}, allowed: ${allowed}`);
  return new NesonError("bad-input", lines.join("; "), { fault: "caller", details: { errors } });
}

/** The field errors of a `bad-input`; undefined for any other error. */
export function fieldErrorsOf(error: NesonError): readonly FieldError[] | undefined {
  return error.code === "bad-input" ? (error.details.errors as readonly FieldError[]) : undefined;
}

function fieldErrors(issue: z.core.$ZodIssue, input: unknown, place: string): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    const allowed = "only the fields that the document of this call names";
    return issue.keys.map((key) => ({ field: nameOf([...issue.path, key], place), found: "something", allowed }));
  }
  const value = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  const isSecret = issue.path.some((step) => /secret|password|token/i.test(String(step)));
  const found = isSecret && value !== undefined ? "something else" : shorten(value);
  const expected = issue.message.replace(/^[A-Z][a-z ]+: expected /, "");
  const allowed = issue.code === "invalid_type" ? `a value of type ${issue.expected}` : expected;
  return [{ field: nameOf(issue.path, place), found, allowed }];
}

function nameOf(path: readonly PropertyKey[], place: string): string {
  return [place, ...path.map((step) => String(step).slice(0, MAX_FOUND_CHARS))].join(".");
}

function shorten(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > MAX_FOUND_CHARS ? `${text.slice(0, MAX_FOUND_CHARS)}…` : text;
}
