/** Selecting among stored responses by the request's fields (RFC 9111 4.1). */
import { fieldLines, listMembers } from "./fields.ts";

/** Request fields with lower-case names, as node:http gives them. */
export type RequestHeaders = Record<string, string | string[] | undefined>;

/** A selecting field and the value the request had for it; null = it had none. */
export type VaryField = [string, string | null];

/** The response's selecting fields. `variantKey` is canonical text ("" when it does not vary); hash it where it must be short. */
export interface Variant {
  vary: VaryField[];
  variantKey: string;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/**
 * The selecting fields of a response with the values of its request; "star" when no request can match it (RFC 9110 12.5.5).
 * Give the request's fields as the origin saw them: what was forwarded is what the origin chose by. A cache that always forwards
 * `Accept-Encoding: identity` passes that here and to `selectVariant()`, and keeps one variant where clients send fifty spellings.
 * Something that is no field name is taken as "*".
 * @param also names, in lower case, that select besides those the response gives
 */
export function varyOf(
  responseHeaders: readonly string[],
  requestHeaders: RequestHeaders,
  also: readonly string[] = [],
): Variant | "star" {
  const lines = fieldLines(responseHeaders, "vary");
  if (lines.length === 0 && also.length === 0) return { vary: [], variantKey: "" };
  const names = [...new Set([...listMembers(lines), ...also])].sort();
  if (names.some((name) => name === "*" || !TOKEN.test(name))) return "star";
  const vary = names.map((name): VaryField => [name, selectingValue(requestHeaders, name)]);
  return { vary, variantKey: names.length === 0 ? "" : JSON.stringify(vary) };
}

/** The candidate whose selecting fields match the request; the latest, if several do (RFC 9111 4.1). */
export function selectVariant<T extends { vary: readonly VaryField[]; responseTimeMs: number }>(
  candidates: readonly T[],
  requestHeaders: RequestHeaders,
): T | undefined {
  let best: T | undefined;
  for (const candidate of candidates) {
    if (best !== undefined && best.responseTimeMs >= candidate.responseTimeMs) continue;
    if (matches(candidate.vary, requestHeaders)) best = candidate;
  }
  return best;
}

function matches(vary: readonly VaryField[], requestHeaders: RequestHeaders): boolean {
  for (const [name, value] of vary) {
    if (selectingValue(requestHeaders, name) !== value) return false;
  }
  return true;
}

/** RFC 9111 4.1: lines are combined, and what is known to mean nothing is evened out: white space, and in languages also case and full weight. */
function selectingValue(headers: RequestHeaders, name: string): string | null {
  const found = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (found === undefined) return null;
  const value = (typeof found === "string" ? found : found.join(", ")).trim();
  if (name === "accept-language") return evenedLanguages(value);
  // Commas inside quoted strings are not separators: such values are compared as they are.
  return value.includes('"') ? value : value.replace(/[ \t]*,[ \t]*/g, ", ");
}

/**
 * RFC 9110 12.4.2, RFC 4647 2: language ranges have no case, and a weight of 1 is the one that counts where none is given. The order stays: many origins
 * take it for a preference, although RFC 9110 12.5.4 gives it no meaning.
 */
function evenedLanguages(value: string): string {
  return value
    .toLowerCase()
    .split(",")
    .map((range) => range.replace(/[ \t]+/g, "").replace(/;q=1(\.0{0,3})?$/, ""))
    .join(", ");
}
