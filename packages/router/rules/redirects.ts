import { capturesOf } from "../policy/pattern.ts";
import type { RedirectRule } from "../sites/rewrite-settings.ts";

/** Where a request is sent instead. */
export interface Redirection {
  status: RedirectRule["status"];
  location: string;
}

/** Segments that browsers would resolve, so that a capture could climb out of where the rule leads (WHATWG URL, double-dot segments). */
const DOT_SEGMENT = /(^|[/\\]|%2f|%5c)(\.|%2e){1,2}($|[/\\]|%2f|%5c)/i;

/** The first rule whose path matches, with what its `*` stood for put in; undefined when none does. */
export function redirectionFor(rules: readonly RedirectRule[], target: string): Redirection | undefined {
  const end = target.indexOf("?");
  const path = end < 0 ? target : target.slice(0, end);
  for (const rule of rules) {
    const captures = capturesOf(rule.path, path);
    if (captures === undefined || captures.some((capture) => DOT_SEGMENT.test(capture))) continue;
    const location = filledIn(rule.to, captures);
    const query = end < 0 || !rule.keepQuery ? "" : safe(target.slice(end + 1));
    return { status: rule.status, location: query === "" ? location : withQuery(location, query) };
  }
  return undefined;
}

function filledIn(template: string, captures: readonly string[]): string {
  const query = template.search(/[?#]/);
  const filled = template.replace(/\{([1-9])\}/g, (_all, digit: string, at: number) => {
    const capture = safe(captures[Number(digit) - 1] ?? "");
    // Behind the "?", a capture is a value and must not become more parameters.
    return query >= 0 && at > query ? capture.replace(/[&=+;?]/g, percentEncoded) : capture;
  });
  // "//host" and "/\host" lead to another host; a capture must not make one of a path.
  return template.startsWith("/") ? filled.replace(/^\/+/, "/") : filled;
}

function withQuery(location: string, query: string): string {
  const hash = location.indexOf("#");
  const base = hash < 0 ? location : location.slice(0, hash);
  return base + (base.includes("?") ? "&" : "?") + query + (hash < 0 ? "" : location.slice(hash));
}

/** Nothing that could end the field line, start a fragment, or be read as a slash. */
function safe(text: string): string {
  return text.replace(/[^\x21-\x7e]|[\\#"<>]/g, percentEncoded);
}

/** Targets hold bytes as characters; anything beyond is written as UTF-8. */
function percentEncoded(character: string): string {
  const bytes = Buffer.from(character, character.charCodeAt(0) < 0x100 ? "latin1" : "utf8");
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
