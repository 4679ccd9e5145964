import type { IncomingHttpHeaders } from "node:http";

/** Fields of which a second one is ignored, as `node:http` does: they cannot be lists. */
const SINGLE = new Set([
  "age",
  "authorization",
  "content-length",
  "content-type",
  "etag",
  "expires",
  "from",
  "host",
  "if-modified-since",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "referer",
  "retry-after",
  "server",
  "user-agent",
]);

/**
 * The fields of a flat list by lower-case name: lists joined with ", " (RFC 9110 section 5.3), cookies with "; ", Set-Cookie as an array,
 * and of a field that cannot be a list the first.
 */
export function fieldMapOf(rawHeaders: readonly string[]): IncomingHttpHeaders {
  const fields: IncomingHttpHeaders = Object.create(null);
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    const known = fields[name];
    if (name === "set-cookie") fields[name] = [...(fields[name] ?? []), value];
    else if (known === undefined) fields[name] = value;
    else if (!SINGLE.has(name)) fields[name] = `${known as string}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return fields;
}
