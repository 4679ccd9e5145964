/** A request's path as it came, and as a server would understand it. */
export interface Paths {
  /** Without the query, nothing decoded. */
  raw: string;
  /** Percent-decoded once, backslashes as slashes, empty and dot segments resolved (RFC 3986 5.2.4, 6.2.2). Often the same as `raw`. */
  plain: string;
}

/** A path in any of these has another reading: escapes, backslashes, empty or dot segments. */
const AMBIGUOUS = /[%\\]|\/\/|\/\./;

/** Both readings of a target's path. Rules that protect must hold for both: origins differ in which of them they follow. */
export function pathsOf(target: string): Paths {
  const end = target.indexOf("?");
  const raw = end < 0 ? target : target.slice(0, end);
  return { raw, plain: AMBIGUOUS.test(raw) ? plainPath(raw) : raw };
}

/** Whether either reading of the path matches: for rules that protect. */
export function eitherMatches(matches: (path: string) => boolean, { raw, plain }: Paths): boolean {
  return matches(raw) || (plain !== raw && matches(plain));
}

/**
 * What the first rule that is for the path says; where the two readings lead to different rules, the answers of both, so that neither a rule that
 * refuses nor one that grants can be dodged by spelling.
 */
export function firstRules<Rule extends { matches: (path: string) => boolean }>(
  rules: readonly Rule[],
  { raw, plain }: Paths,
): readonly (Rule | undefined)[] {
  const first = rules.find((rule) => rule.matches(raw));
  if (plain === raw) return [first];
  const second = rules.find((rule) => rule.matches(plain));
  return first === second ? [first] : [first, second];
}

function plainPath(raw: string): string {
  const segments: string[] = [];
  const parts = decoded(raw).replaceAll("\\", "/").split("/");
  for (const part of parts) {
    if (part === "..") segments.pop();
    else if (part !== "" && part !== ".") segments.push(part);
  }
  const last = parts.at(-1);
  const isFolder = last === "" || last === "." || last === "..";
  return segments.length === 0 ? "/" : `/${segments.join("/")}${isFolder ? "/" : ""}`;
}

/** UTF-8 where it is that, else byte by byte. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}
