import { z } from "zod";
import { pathPattern } from "./path-pattern.ts";

const MAX_RULES = 100;
const MAX_VALUE_CHARS = 4096;

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/i;
/** Printable ASCII, spaces inside: nothing that could end a field line (RFC 9110 5.5). */
const VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

// What frames the message, speaks of one connection, says which bytes are meant, or is this network's own word on the request.
const GUARDED = [
  ...["connection", "content-length", "content-range", "keep-alive", "proxy-authenticate", "proxy-authorization"],
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via"],
];

const GUARDED_IN_REQUESTS = new Set([
  ...GUARDED,
  ...[
    "accept-encoding",
    "cache-control",
    "cdn-loop",
    "content-encoding",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
  ],
  ...["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "max-forwards", "pragma"],
  ...["range", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"],
]);

const GUARDED_IN_RESPONSES = new Set([
  ...GUARDED,
  ...["accept-ranges", "age", "alt-svc", "cache-status", "content-digest", "content-encoding", "content-location"],
  ...["content-type", "date", "digest", "etag", "last-modified", "location", "repr-digest", "retry-after", "vary"],
  ...["want-digest", "want-repr-digest", "www-authenticate"],
]);

/** Names that only whole groups of fields may be changed by: the settings for CORS, and who is told of mirrors. */
const GUARDED_PREFIXES = ["access-control-", ":", "sec-", "x-neson-"];

const value = z.string().max(MAX_VALUE_CHARS).regex(VALUE, "printable ASCII on one line, no space at either end");

function headerEdits(guarded: ReadonlySet<string>, addOnly: ReadonlySet<string>) {
  const isFree = (name: string) => {
    const lower = name.toLowerCase();
    return !guarded.has(lower) && !GUARDED_PREFIXES.some((prefix) => lower.startsWith(prefix));
  };
  const allowed =
    "a field other than those that frame messages, tell versions apart, or are the network's own word (such as Content-Length, Host, ETag, Vary, Location, Via, Access-Control-*)";
  const name = z.string().regex(TOKEN, "a field name").refine(isFree, allowed);
  return z
    .array(
      z
        .strictObject({
          path: pathPattern.default("*"),
          name,
          /** One of three: replaces all lines of that name, adds one, or takes all away. */
          set: value.optional(),
          add: value.optional(),
          remove: z.literal(true).optional(),
        })
        .refine(
          (edit) => [edit.set, edit.add, edit.remove].filter((way) => way !== undefined).length === 1,
          'exactly one of "set", "add" and "remove": true',
        )
        .refine(
          (edit) => edit.add !== undefined || !addOnly.has(edit.name.toLowerCase()),
          '"add" alone for this field, which the network writes too',
        ),
    )
    .max(MAX_RULES)
    .default([]);
}

/** Changes to what the origin is sent; all that match a path, in their order. */
export const requestHeaderEdits = headerEdits(GUARDED_IN_REQUESTS, new Set());

/** Changes to what viewers are sent by the Router; all that match a path, in their order. */
export const responseHeaderEdits = headerEdits(GUARDED_IN_RESPONSES, new Set(["link"]));

export type HeaderEdit = z.infer<typeof responseHeaderEdits>[number];
