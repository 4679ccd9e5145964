/** Which content coding a client is best served with (RFC 9110 12.5.3). Pure. */

/** The codings that this Router makes, best first where a client likes them alike. */
export const CODINGS = ["br", "zstd", "gzip"] as const;

/** A content coding that this Router makes. */
export type Coding = (typeof CODINGS)[number];

/** More members than any client sends are not looked at. */
const MAX_MEMBERS = 32;

/**
 * The coding to answer with, or undefined for the bytes as they are. RFC 9110 12.5.3: without the field anything may be sent, but clients that
 * do not say what they decode often decode nothing, so they get the bytes as they are.
 */
export function chooseCoding(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined || acceptEncoding === "") return undefined;
  const weights = weightsOf(acceptEncoding);
  const others = weights.get("*") ?? 0;
  const identity = weights.get("identity") ?? (weights.has("*") ? others : IDENTITY_WEIGHT);
  let best: Coding | undefined;
  let bestWeight = 0;
  for (const coding of CODINGS) {
    const weight = weights.get(coding) ?? others;
    if (weight > bestWeight && weight >= identity) {
      best = coding;
      bestWeight = weight;
    }
  }
  return best;
}

/** RFC 9110 12.5.3: what is not named is acceptable as it is, but less welcome than anything named. */
const IDENTITY_WEIGHT = Number.MIN_VALUE;

function weightsOf(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.split(",", MAX_MEMBERS)) {
    const [name = "", ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
    if (name === "") continue;
    // RFC 9110 8.4.1.3: an old name of gzip.
    const coding = name === "x-gzip" ? "gzip" : name;
    if (!weights.has(coding)) weights.set(coding, weightOf(parameters));
  }
  return weights;
}

/** RFC 9110 12.4.2; a weight that breaks the grammar refuses. */
function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  if (given === undefined) return 1;
  return /^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(given) ? Number(given.slice(2)) : 0;
}
