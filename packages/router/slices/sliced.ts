import type { StoredResponse } from "../policy/plan.ts";
import { SLICE_BYTES, sliceStart } from "./grid.ts";
import type { SliceFetch } from "./slice-fetch.ts";

/** A stored stretch of a representation, `first` to `last` inclusive. */
export interface Part {
  first: number;
  last: number;
  /** Hex, of exactly these bytes. */
  sha256: string;
}

/**
 * One version of a representation of which parts are stored (RFC 9111 3.3): as an ordinary stored response of status 200, whose body is here in part
 * only. A newer answer about the same version updates its header fields in place (3.4); another version is another `Sliced`.
 */
export interface Sliced extends StoredResponse {
  /** Names its directory. */
  readonly id: string;
  readonly site: string;
  /** Cache key. */
  readonly key: string;
  readonly variantKey: string;
  /** Bytes of the whole. */
  readonly size: number;
  /** See `strongValidatorOf`. Undefined: nothing is ever added to what the first answer brought. */
  readonly validator: string | undefined;
  /** Disjoint, in order. */
  parts: Part[];
  /** Origin requests under way that bring more of it. */
  readonly fetches: Set<SliceFetch>;
  /** Once all of it is an ordinary object: its id, for those who still read. */
  objectId: string | undefined;
  /** True once it was invalidated, replaced or evicted: who reads it may go on, and nothing more of it is stored. */
  isDoomed: boolean;
}

/** The stored part that holds byte `at`. */
export function partAt({ parts }: Pick<Sliced, "parts">, at: number): Part | undefined {
  // Binary search for the last part that begins at or before `at`.
  let [low, high] = [0, parts.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const part = parts[middle] as Part;
    if (part.first > at) high = middle - 1;
    else if (part.last < at) low = middle + 1;
    else return part;
  }
  return undefined;
}

/** What to ask for when byte `at` is neither stored nor on its way: its slice, without what is on either side of it. */
export function gapAt({ parts, fetches, size }: Pick<Sliced, "parts" | "fetches" | "size">, at: number) {
  let first = sliceStart(at);
  let last = Math.min(first + SLICE_BYTES, size) - 1;
  const narrow = (span: { first: number; last: number }) => {
    if (span.last < at) first = Math.max(first, span.last + 1);
    if (span.first > at) last = Math.min(last, span.first - 1);
  };
  parts.forEach(narrow);
  for (const fetch of fetches) if (!fetch.hasBroken) narrow(fetch);
  return { first, last };
}

/** The parts with one more: where it overlaps others the stored ones stay, unless it covers them whole. */
export function withPart(parts: readonly Part[], added: Part): Part[] {
  const kept = parts.filter((part) => part.first < added.first || part.last > added.last);
  const overlaps = kept.some((part) => part.first <= added.last && part.last >= added.first);
  return overlaps ? [...parts] : [...kept, added].sort((a, b) => a.first - b.first);
}

/** Whether all of it is stored. */
export function isWhole({ parts, size }: Pick<Sliced, "parts" | "size">): boolean {
  return parts.reduce((sum, part) => sum + part.last - part.first + 1, 0) === size;
}

/** Whether bytes `first` to `last` are stored or, unless `storedOnly`, on their way. */
export function covers(sliced: Sliced, first: number, last: number, storedOnly: boolean): boolean {
  for (let at = first; at <= last; ) {
    const part = partAt(sliced, at) ?? (storedOnly ? undefined : fetchAt(sliced, at));
    if (part === undefined) return false;
    at = part.last + 1;
  }
  return true;
}

/** The fetch under way that will bring byte `at`. */
export function fetchAt({ fetches }: Sliced, at: number): SliceFetch | undefined {
  for (const fetch of fetches) if (fetch.first <= at && at <= fetch.last && !fetch.hasBroken) return fetch;
  return undefined;
}
