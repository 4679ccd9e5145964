/** Flat field lists (name, value, name, value…), as policy reads them: names are compared without case, order is kept. */
import { CONNECTION_FIELDS } from "@neson/kit/http/connection-fields";

/** The values of all lines with this (lower-case) name, in order, trimmed. */
export function fieldLines(headers: readonly string[], name: string): string[] {
  const lines: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const candidate = headers[i] ?? "";
    if (candidate.length === name.length && candidate.toLowerCase() === name) lines.push((headers[i + 1] ?? "").trim());
  }
  return lines;
}

/** The value of the only line with this (lower-case) name; undefined when there is none, or when lines contradict each other. */
export function soleField(headers: readonly string[], name: string): string | undefined {
  const [first, ...others] = fieldLines(headers, name);
  return others.every((line) => line === first) ? first : undefined;
}

/** The members of a comma-separated list without quoted strings, lower-case and without empty ones (RFC 9110 5.6.1). */
export function listMembers(lines: readonly string[]): string[] {
  const members: string[] = [];
  for (const line of lines) {
    for (const member of line.split(",")) {
      const trimmed = member.trim().toLowerCase();
      if (trimmed !== "") members.push(trimmed);
    }
  }
  return members;
}

// RFC 9110 7.6.1 (fields for this connection only), RFC 9111 3.1 (fields about a proxy's own authentication).
const NOT_STORED = new Set<string>([
  ...CONNECTION_FIELDS,
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
]);

// RFC 9110 7.6.1 forbids listing these; a message without them would be another one, or have no end.
const NEVER_LISTED = new Set<string>(["host", "content-length", "transfer-encoding", "via", "upgrade", "te"]);

/** Whether a field of this (lower-case) name goes when Connection lists it. */
export function dropsField(name: string): boolean {
  return name !== "" && !NEVER_LISTED.has(name);
}

/** The fields that are stored and forwarded: without those of this connection and those that Connection lists (RFC 9111 3.1). */
export function endToEndFields(headers: readonly string[]): string[] {
  const listed = new Set(listMembers(fieldLines(headers, "connection")).filter(dropsField));
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? "").toLowerCase();
    if (!NOT_STORED.has(name) && !listed.has(name)) kept.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  return kept;
}
