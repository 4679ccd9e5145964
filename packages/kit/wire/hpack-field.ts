/** What a request's field is to HTTP/2 (RFC 9113 sections 8.2 and 8.3); found once when the field is read, for it may be referred to often. */
export const ROLE = {
  plain: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  host: 5,
  contentLength: 6,
  /** Makes any message that has it malformed. */
  forbidden: 7,
} as const;

/** One decoded field line. Never changes: the tables and many requests share it. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** What it counts in a table and in a header list: both lengths and 32 (RFC 7541 section 4.1, RFC 9113 section 6.5.2). */
  readonly bytes: number;
  readonly role: number;
}

const ROLE_OF_NAME = new Map<string, number>([
  [":method", ROLE.method],
  [":scheme", ROLE.scheme],
  [":authority", ROLE.authority],
  [":path", ROLE.path],
  ["host", ROLE.host],
  ["content-length", ROLE.contentLength],
  // RFC 9113 section 8.2.2: fields of one connection have no place in HTTP/2.
  ["connection", ROLE.forbidden],
  ["keep-alive", ROLE.forbidden],
  ["proxy-connection", ROLE.forbidden],
  ["transfer-encoding", ROLE.forbidden],
  ["upgrade", ROLE.forbidden],
]);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9113 section 8.2.1 and RFC 9110 section 5.5: no control characters, no blank at either end. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** A field line with what is to be known of it; each character is one byte. */
export function fieldOf(name: string, value: string): Field {
  return { name, value, bytes: name.length + value.length + 32, role: roleOf(name, value) };
}

function roleOf(name: string, value: string): number {
  if (!VALUE.test(value)) return ROLE.forbidden;
  const known = ROLE_OF_NAME.get(name);
  if (known !== undefined) return known;
  if (name === "te") return value.toLowerCase() === "trailers" ? ROLE.plain : ROLE.forbidden;
  // Also any other pseudo-header field, for its colon.
  return NAME.test(name) ? ROLE.plain : ROLE.forbidden;
}
