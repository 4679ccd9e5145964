import { soleField } from "../policy/fields.ts";

/** What a 206 says it carries: bytes `first` to `last` (inclusive) of `size`. */
export interface ContentRange {
  first: number;
  last: number;
  size: number;
}

// 16 digits and more may not be exact as a number.
const VALUE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i;

/**
 * The Content-Range of a response to a request for one range (RFC 9110 14.4); undefined when there is none, when it is not valid, or when it leaves
 * the size of the whole open: nothing could be combined with such a part.
 * @param headers flat
 */
export function contentRangeOf(headers: readonly string[]): ContentRange | undefined {
  const match = VALUE.exec(soleField(headers, "content-range") ?? "");
  if (match === null) return undefined;
  const [first, last, size] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return first <= last && last < size ? { first, last, size } : undefined;
}
