/** The header sets under which a compressible response is answered. Pure. */
import { fieldLines, listMembers } from "../policy/fields.ts";
import type { Coding } from "./coding.ts";

// They describe the bytes as they came, and would be wrong for any coding of them.
const ABOUT_BYTES = new Set([
  "content-length",
  "content-md5",
  "digest",
  "repr-digest",
  "content-digest",
  "accept-ranges",
]);

/** RFC 9110 12.5.5: with `Vary: Accept-Encoding`, since which bytes are sent depends on it. */
export function varyingHeaders(headers: readonly string[]): string[] {
  const listed = listMembers(fieldLines(headers, "vary"));
  if (listed.includes("accept-encoding") || listed.includes("*")) return [...headers];
  return [...headers, "Vary", "Accept-Encoding"];
}

/**
 * The fields of the coded representation: its coding, its length if it is known, and a validator of its own. RFC 9110 8.8.3.3: each coding needs its own
 * entity tag; a weak one (8.8.1), because after a restart or an update the same content may be coded into other bytes.
 */
export function codedHeaders(headers: readonly string[], coding: Coding, codedBytes: number | undefined): string[] {
  const coded: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const lower = name.toLowerCase();
    if (ABOUT_BYTES.has(lower)) continue;
    const value = headers[i + 1] ?? "";
    coded.push(name, lower === "etag" ? codedEtag(value, coding) : value);
  }
  coded.push("Content-Encoding", coding);
  if (codedBytes !== undefined) coded.push("Content-Length", String(codedBytes));
  return varyingHeaders(coded);
}

/** The entity tag of a coded representation, as `W/"abc-br"`. */
export function codedEtag(etag: string, coding: Coding): string {
  const opaque = /^(?:W\/)?"(.*)"$/.exec(etag)?.[1] ?? etag;
  return `W/"${opaque.replace(/"/g, "")}-${coding}"`;
}
