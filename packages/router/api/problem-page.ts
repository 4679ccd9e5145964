import type { Call } from "./call.ts";
import { NO_CALL, refusalsOf } from "./common-refusals.ts";

/** Every kind of refusal by its code, with the status and when it happens, in the order of codes. */
export function problemKinds(calls: readonly Call[]): { code: string; status: number; when: string[] }[] {
  const kinds = new Map<string, { code: string; status: number; when: string[] }>();
  for (const { code, status, when } of [...NO_CALL, ...calls.flatMap(refusalsOf)]) {
    const kind = kinds.get(code) ?? { code, status, when: [] };
    if (!kind.when.includes(when)) kind.when.push(when);
    kinds.set(code, kind);
  }
  return [...kinds.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** The page that the `type` of every problem leads to: one anchor per code. */
export function problemPage(calls: readonly Call[]): string {
  const sections = problemKinds(calls).map(
    ({ code, status, when }) => `<h2 id="${code}">${code} (${status})</h2>\n<p>${when.map(escaped).join("; or ")}.</p>`,
  );
  const title = "Problems of the NESON control API";
  return `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${title}</title>\n<h1>${title}</h1>\n${sections.join("\n")}\n</html>\n`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/`([^`]*)`/g, "<code>$1</code>");
}
