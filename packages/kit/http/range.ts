/** An inclusive span of bytes. */
export interface Span {
  first: number;
  last: number;
}

/** What a Range header asks of a representation of known size. */
export type RangeRequest =
  | { kind: "none" }
  | { kind: "one"; first: number; last: number }
  | { kind: "many"; spans: Span[] }
  | { kind: "unsatisfiable" };

/** More spans than this in one request are an attack or a mistake, and get the whole representation instead. */
const MAX_SPANS = 16;

const NONE: RangeRequest = { kind: "none" };
const BYTES_UNIT = /^bytes[ \t]*=/i;
const SPEC = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * Reads a Range header (RFC 9110 sections 14.1.2 and 14.2) against a representation of `size` bytes. "none" means: answer as if the header
 * were absent. That is for a missing or malformed header, another unit, more than 16 spans, or spans that overlap (section 14.2 lets a
 * server ignore those; they only serve to make an answer larger than the representation).
 */
export function parseRange(value: string | undefined, size: number): RangeRequest {
  if (value === undefined || !BYTES_UNIT.test(value)) return NONE;
  const specs = value.slice(value.indexOf("=") + 1).split(",");
  const spans: Span[] = [];
  let count = 0;
  for (const spec of specs) {
    const text = spec.trim();
    if (text === "") continue;
    if (++count > MAX_SPANS) return NONE;
    const span = readSpec(text, size);
    if (span === "malformed") return NONE;
    if (span !== "unsatisfiable") spans.push(span);
  }
  if (count === 0) return NONE;
  // A suffix of an empty representation is satisfiable, but no Content-Range can say so; the whole (empty) answer can.
  if (size === 0) return spans.length > 0 ? NONE : { kind: "unsatisfiable" };
  return summarise(spans);
}

function readSpec(text: string, size: number): Span | "malformed" | "unsatisfiable" {
  const match = SPEC.exec(text);
  if (match === null) return "malformed";
  const [, firstText, lastText, suffixText] = match;
  if (suffixText !== undefined) {
    const length = Number(suffixText);
    return length === 0 ? "unsatisfiable" : { first: Math.max(0, size - length), last: size - 1 };
  }
  const first = Number(firstText);
  const last = lastText === undefined || lastText === "" ? Number.POSITIVE_INFINITY : Number(lastText);
  if (last < first) return "malformed";
  return first >= size ? "unsatisfiable" : { first, last: Math.min(last, size - 1) };
}

function summarise(spans: Span[]): RangeRequest {
  const [only] = spans;
  if (only === undefined) return { kind: "unsatisfiable" };
  if (spans.length === 1) return { kind: "one", first: only.first, last: only.last };
  const ordered = spans.toSorted((a, b) => a.first - b.first);
  const overlapping = ordered.some((span, i) => i > 0 && span.first <= (ordered[i - 1]?.last ?? -1));
  return overlapping ? NONE : { kind: "many", spans };
}
