/** Cache-Control (RFC 9111 5.2): parsing that never throws, and reading of arguments that errs on the side of not reusing. */

/** One directive as found. `values` holds each distinct argument in order of appearance; a bare directive has none. */
export interface Directive {
  values: string[];
  /** True when some occurrence had no argument. */
  bare: boolean;
  /** True when some occurrence broke the grammar: spaces around "=", an argument that is neither token nor quoted string. */
  malformed: boolean;
}

/** Directives by lower-case name. */
export type Directives = ReadonlyMap<string, Directive>;

/** A number of seconds; "invalid" when it is stated but unusable; undefined when it is not stated. */
export type StatedSeconds = number | "invalid" | undefined;

/** RFC 9111 1.2.2: what any larger number of seconds counts as. */
export const MAX_DELTA_SECONDS = 2 ** 31;

/** The request directives that a cache heeds (RFC 9111 5.2.1). */
export interface RequestDirectives {
  noStore: boolean;
  noCache: boolean;
  onlyIfCached: boolean;
  maxAgeSeconds: number | undefined;
  minFreshSeconds: number | undefined;
  /** Infinity for a bare max-stale. */
  maxStaleSeconds: number | undefined;
}

/** What an ordinary request asks for: nothing. */
export const NO_REQUEST_DIRECTIVES: RequestDirectives = Object.freeze({
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  maxAgeSeconds: undefined,
  minFreshSeconds: undefined,
  maxStaleSeconds: undefined,
});

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
const WHOLE_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DIGITS = /^\d+$/;

/** Parses the lines of a Cache-Control field. What cannot be read at all is skipped; what is half readable is marked malformed. */
export function parseCacheControl(lines: string | readonly string[] | undefined): Directives {
  const directives = new Map<string, Directive>();
  if (lines === undefined) return directives;
  for (const line of typeof lines === "string" ? [lines] : lines) {
    for (const member of splitOutsideQuotes(line)) addMember(directives, member.trim());
  }
  return directives;
}

/** RFC 9111 5.2: "recipients ought to accept both forms" of an argument, token and quoted string. */
function addMember(directives: Map<string, Directive>, member: string): void {
  const name = TOKEN.exec(member)?.[0].toLowerCase();
  if (name === undefined) return;
  const known = directives.get(name);
  const directive = known ?? { values: [], bare: false, malformed: false };
  if (known === undefined) directives.set(name, directive);
  const rest = member.slice(name.length);
  if (rest === "") {
    directive.bare = true;
    return;
  }
  const argument = rest.startsWith("=") ? readArgument(rest.slice(1)) : undefined;
  if (argument === undefined) directive.malformed = true;
  else if (!directive.values.includes(argument)) directive.values.push(argument);
}

function readArgument(text: string): string | undefined {
  if (WHOLE_TOKEN.test(text)) return text;
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return undefined;
  return text.slice(1, -1).replace(/\\(.)/g, "$1");
}

/** Splits at commas outside quoted strings. A quote that never closes quotes nothing, so that it cannot hide a no-store after it. */
function splitOutsideQuotes(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  const members: string[] = [];
  let start = 0;
  for (let i = 0; i < line.length; i++) {
    const char = line.charCodeAt(i);
    if (char === 0x22) {
      const close = closingQuote(line, i);
      if (close < 0) return [...members, ...line.slice(start).split(",")];
      i = close;
    } else if (char === 0x2c) {
      members.push(line.slice(start, i));
      start = i + 1;
    }
  }
  members.push(line.slice(start));
  return members;
}

function closingQuote(line: string, open: number): number {
  for (let i = open + 1; i < line.length; i++) {
    const char = line.charCodeAt(i);
    if (char === 0x5c) i++;
    else if (char === 0x22) return i;
  }
  return -1;
}

/**
 * The seconds that a directive states (RFC 9111 1.2.2). RFC 9111 4.2.1: values that contradict each other, and values that are no
 * number, make freshness information invalid; the reader then treats the response as stale.
 */
export function secondsOf(directives: Directives, name: string): StatedSeconds {
  const directive = directives.get(name);
  if (directive === undefined) return undefined;
  const [value, ...others] = directive.values;
  if (directive.malformed || directive.bare || value === undefined || others.length > 0) return "invalid";
  return deltaSeconds(value) ?? "invalid";
}

/** Reads delta-seconds (RFC 9111 1.2.2): digits only, capped at 2^31. */
export function deltaSeconds(text: string): number | undefined {
  return DIGITS.test(text) ? Math.min(Number(text), MAX_DELTA_SECONDS) : undefined;
}

/** Reads a request's directives; a number that cannot be read is taken in its strictest meaning. */
export function requestDirectives(
  cacheControl: string | readonly string[] | undefined,
  pragma: string | readonly string[] | undefined,
): RequestDirectives {
  const directives = parseCacheControl(cacheControl);
  const maxStale = directives.get("max-stale");
  const maxStaleSeconds = secondsOf(directives, "max-stale");
  const bareMaxStale = maxStale?.bare === true && maxStale.values.length === 0 && !maxStale.malformed;
  return {
    noStore: directives.has("no-store"),
    // RFC 9111 5.4 and RFC 7234 5.4: Pragma counts only where there is no Cache-Control.
    noCache: directives.has("no-cache") || (cacheControl === undefined && parseCacheControl(pragma).has("no-cache")),
    onlyIfCached: directives.has("only-if-cached"),
    maxAgeSeconds: strictest(secondsOf(directives, "max-age"), 0),
    minFreshSeconds: strictest(secondsOf(directives, "min-fresh"), Number.POSITIVE_INFINITY),
    maxStaleSeconds: bareMaxStale ? Number.POSITIVE_INFINITY : strictest(maxStaleSeconds, undefined),
  };
}

function strictest(stated: StatedSeconds, whenInvalid: number | undefined): number | undefined {
  return stated === "invalid" ? whenInvalid : stated;
}
