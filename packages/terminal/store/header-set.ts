import { type Headers, indexOfHeader } from "@neson/kit/http/answer";
import { CONNECTION_FIELDS } from "@neson/kit/http/connection-fields";

/** One header set, made ready for answering. */
export interface HeaderSet {
  headersId: string;
  site: string;
  /** As the manifest has it. */
  list: [string, string][];
  /** What every answer starts from: the stored fields, then ours. */
  base: Headers;
  /** `base` with the Content-Length of the whole: the ready answer of the common case. */
  whole: Headers;
}

// RFC 9110 section 7.6.1 and RFC 9112 section 6: these describe one connection or one message. Stored ones would break the
// framing of the answer they are written into, whatever a Router signed.
const FRAMING = new Set<string>([...CONNECTION_FIELDS, "content-length", "content-range"]);

/** Lets pages of any origin read what they were redirected to. */
export const CORS_DEFAULTS: readonly (readonly [string, string])[] = [
  ["Access-Control-Allow-Origin", "*"],
  [
    "Access-Control-Expose-Headers",
    "Accept-Ranges, Age, Cache-Status, Content-Encoding, Content-Length, Content-Range, Date, Digest, ETag, Repr-Digest",
  ],
  ["Timing-Allow-Origin", "*"],
];

/** Prepares a stored header list for an object of `size` bytes. Stored fields go out verbatim; ours only fill gaps. */
export function prepareHeaderSet(set: Pick<HeaderSet, "headersId" | "site" | "list">, size: number): HeaderSet {
  const base: Headers = [];
  for (const [name, value] of set.list) {
    const lower = name.toLowerCase();
    if (!FRAMING.has(lower) && lower !== "accept-ranges") base.push(name, value);
  }
  for (const [name, value] of CORS_DEFAULTS) {
    if (indexOfHeader(base, name) < 0) base.push(name, value);
  }
  base.push("Accept-Ranges", "bytes");
  // Frozen: a listener may encode them once and for all.
  const whole = Object.freeze(base.concat("Content-Length", String(size))) as Headers;
  return { ...set, base: Object.freeze(base) as Headers, whole };
}
