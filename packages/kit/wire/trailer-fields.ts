import type { Headers } from "../http/answer.ts";
import { CONNECTION_FIELDS } from "../http/connection-fields.ts";

/** RFC 9110 section 6.5.1: what frames, routes, authenticates or modifies a message must be known before its content. */
const NEVER_TRAILERS: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  ...["content-length", "content-encoding", "content-type", "content-range", "host", "max-forwards", "expect", "range"],
  ...["authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "cookie", "set-cookie"],
  ...["cache-control", "age", "expires", "date", "location", "retry-after", "vary", "via", "cdn-cache-control"],
  ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"],
]);

/** The fields of a list that may stand in a trailer section; the others are left out, as a recipient that merged them would be misled. */
export function trailerFields(list: Headers): Headers {
  const kept: Headers = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i] as string;
    if (!NEVER_TRAILERS.has(name.toLowerCase())) kept.push(name, list[i + 1] as string);
  }
  return kept;
}
