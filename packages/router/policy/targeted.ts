/** Which directives govern a response in this cache: those of CDN-Cache-Control where it is usable, else Cache-Control (RFC 9213). */
import { type BareItem, parseDictionary } from "structured-headers";
import { type Directive, type Directives, parseCacheControl } from "./cache-control.ts";
import { fieldLines } from "./fields.ts";

/** RFC 9213 2.2: the target list of a content-delivery network. */
const TARGETED_FIELD = "cdn-cache-control";

/** A longer one is not read. */
const MAX_CHARS = 8192;

/** The directives to go by. `isTargeted`: Cache-Control, Expires and Pragma say nothing to this cache. */
export interface Governing {
  directives: Directives;
  isTargeted: boolean;
}

/** Reads a response's directives. Never throws. */
export function governingDirectives(headers: readonly string[]): Governing {
  const targeted = targetedDirectives(fieldLines(headers, TARGETED_FIELD));
  if (targeted !== undefined) return { directives: targeted, isTargeted: true };
  return { directives: parseCacheControl(fieldLines(headers, "cache-control")), isTargeted: false };
}

/** RFC 9213 2.1: a Dictionary; empty, or with an error anywhere in it, the field counts as absent. */
function targetedDirectives(lines: readonly string[]): Directives | undefined {
  const text = lines.join(", ");
  if (text === "" || text.length > MAX_CHARS) return undefined;
  try {
    const dictionary = parseDictionary(text);
    if (dictionary.size === 0) return undefined;
    return new Map(Array.from(dictionary, ([name, [value]]) => [name, directiveOf(value)]));
  } catch {
    return undefined;
  }
}

/**
 * RFC 9213 2.1: a directive without argument is the Boolean true, seconds are an Integer. Anything else is an argument that cannot be read: the directive
 * is there all the same, and numbers count as invalid.
 */
function directiveOf(value: BareItem | readonly unknown[]): Directive {
  if (value === true) return { values: [], bare: true, malformed: false };
  if (typeof value === "number" && Number.isInteger(value))
    return { values: [String(value)], bare: false, malformed: false };
  return { values: [], bare: false, malformed: true };
}
