/**
 * A slice: the stretch of a representation that one origin request asks for, on a grid from byte 0. Short enough that a seek into its middle waits
 * for few bytes that it did not want, long enough that the requests for a long transfer cost little.
 */
export const SLICE_BYTES = 1_048_576;

/** What is asked of an origin before anything is known of the representation. */
export interface OpeningRange {
  /** Value of the Range field. */
  value: string;
  /** The most bytes to take of the answer. */
  maxBytes: number;
  /** True when it is exactly what the client asked for. */
  isClients: boolean;
}

const FROM_START = /^bytes=(\d{1,15})-(?:\d{1,15})?$/i;
const FROM_END = /^bytes=-(\d{1,15})$/i;

/**
 * The request that opens a representation of unknown size for a client that sent `range`: the slice in which its range begins, so that one round trip
 * brings its first byte and the size of the whole. A range that counts from the end goes as it is, since only the origin knows where it begins.
 * Of several ranges, the first one counts. Undefined for anything but ranges of bytes.
 */
export function openingRange(range: string): OpeningRange | undefined {
  const [value = "", ...others] = range.replace(/[ \t]/g, "").split(",");
  const fromStart = FROM_START.exec(value);
  if (fromStart !== null) {
    const first = sliceStart(Number(fromStart[1]));
    const asked = `bytes=${first}-${first + SLICE_BYTES - 1}`;
    return { value: asked, maxBytes: SLICE_BYTES, isClients: others.length === 0 && asked === value.toLowerCase() };
  }
  const fromEnd = FROM_END.exec(value);
  if (fromEnd === null || Number(fromEnd[1]) === 0) return undefined;
  return { value, maxBytes: Math.min(Number(fromEnd[1]), 2 * SLICE_BYTES), isClients: others.length === 0 };
}

/** First byte of the slice that holds byte `at`. */
export function sliceStart(at: number): number {
  return at - (at % SLICE_BYTES);
}
