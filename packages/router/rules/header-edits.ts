import type { Headers } from "@neson/kit/http/answer";
import type { HeaderEdit } from "../sites/header-settings.ts";

/** Fields that say how long an answer may be kept. */
const ABOUT_KEEPING = /^(?:.*cache-control|expires|pragma|surrogate-control)$/;

/**
 * An answer's fields after a site's edits, one after the other. Edits of fields about keeping leave an answer alone that says `no-store`: redirects
 * with tickets, refusals and what the origin wants kept nowhere must stay so.
 */
export function editedHeaders(headers: Headers, edits: readonly HeaderEdit[]): Headers {
  let edited = headers;
  const isNotKept = saysNoStore(headers);
  for (const { name, set, add } of edits) {
    const lower = name.toLowerCase();
    if (isNotKept && ABOUT_KEEPING.test(lower)) continue;
    edited = add === undefined ? withoutField(edited, lower) : [...edited];
    const value = set ?? add;
    if (value !== undefined) edited.push(name, value);
  }
  return edited;
}

/** Request edits as what is gone and what the origin gets besides. */
export function requestChanges(edits: readonly HeaderEdit[]): { without: Set<string>; forOrigin: Headers } {
  const without = new Set<string>();
  let forOrigin: Headers = [];
  for (const { name, set, add } of edits) {
    const lower = name.toLowerCase();
    if (add === undefined) {
      without.add(lower);
      forOrigin = withoutField(forOrigin, lower);
    }
    const value = set ?? add;
    if (value !== undefined) forOrigin.push(name, value);
  }
  return { without, forOrigin };
}

function saysNoStore(headers: Headers): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if ((headers[i] ?? "").toLowerCase() === "cache-control" && /\bno-store\b/i.test(headers[i + 1] ?? "")) return true;
  }
  return false;
}

function withoutField(headers: Headers, lower: string): Headers {
  const kept: Headers = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if ((headers[i] ?? "").toLowerCase() !== lower) kept.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  return kept;
}
