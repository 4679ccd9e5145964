/**
 * Patterns that customers write: `*` stands for any run of characters, everything else for itself. Matching takes linear time, so there is no
 * pattern that a customer, or a client with a long path, could make expensive.
 */

/** What each `*` of a pattern stood for, the earlier ones as little as possible; undefined when the text does not match. */
export function capturesOf(pattern: string, text: string): string[] | undefined {
  const star = pattern.indexOf("*");
  // Most of many patterns are told apart by how they begin.
  if (star > 0 && !text.startsWith(pattern.slice(0, star))) return undefined;
  return captured(pattern.split("*"), text);
}

/** Whether text matches a pattern. */
export function matchesPattern(pattern: string, text: string): boolean {
  return capturesOf(pattern, text) !== undefined;
}

/** The same test for many texts. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const parts = pattern.split("*");
  const [first = "", second] = parts;
  if (parts.length === 1) return (text) => text === pattern;
  if (parts.length === 2 && second === "") return (text) => text.startsWith(first);
  return (text) => captured(parts, text) !== undefined;
}

function captured(parts: readonly string[], text: string): string[] | undefined {
  const first = parts[0] ?? "";
  if (parts.length === 1) return first === text ? [] : undefined;
  const last = parts[parts.length - 1] ?? "";
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return undefined;
  const end = text.length - last.length;
  const captures: string[] = [];
  let from = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] ?? "";
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end) return undefined;
    captures.push(text.slice(from, at));
    from = at + part.length;
  }
  captures.push(text.slice(from, end));
  return captures;
}
