import { printable } from "../../fetched.ts";
import { coloured, type Look, wrapped } from "../look.ts";
import type { Finding } from "./finding.ts";

const SIGNS = {
  ok: ["✓", "ok", "green"],
  warn: ["!", "warn", "yellow"],
  fail: ["✗", "FAIL", "red"],
  skipped: ["–", "-", "dim"],
} as const;
const NAME_WIDTH = 15;

/** A finding in lines of at most 80 characters: sign, check, what was found, and below it how to mend it. */
export function findingLines({ name, state, text, remedy }: Finding, look: Look): string[] {
  const [sign, word, colour] = SIGNS[state];
  const shown = look.hasUnicode ? sign : word.padEnd(4);
  const lead = `${shown} ${name.padEnd(NAME_WIDTH)} `;
  const [first = "", ...rest] = wrapped(printable(text), " ".repeat(lead.length));
  return [
    `${coloured(shown, colour, look)}${lead.slice(shown.length)}${first.trimStart()}`,
    ...rest,
    ...(remedy === undefined
      ? []
      : wrapped(`${look.hasUnicode ? "→" : "->"} ${printable(remedy)}`, " ".repeat(lead.length))),
  ];
}

/** The last line: what it all comes to. */
export function verdictLine(findings: readonly Finding[], look: Look): string {
  const failures = findings.filter(({ state }) => state === "fail").length;
  const warnings = findings.filter(({ state }) => state === "warn").length;
  if (failures > 0) return coloured(`${plural(failures, "problem")} to mend`, "red", look);
  if (warnings > 0) return coloured(`it works; ${plural(warnings, "thing")} could be better`, "yellow", look);
  return coloured("everything is well", "green", look);
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
