import { existsSync } from "node:fs";
import { posix } from "node:path";
import type { SourceFile } from "./source-files.ts";

/** A word not to be used, what to say instead, and phrases in which it may stand. */
export interface BannedWord {
  banned: string;
  say: string;
  exceptIn: string[];
}

/**
 * Rows of the "## Banned words" table of GLOSSARY.md: `| banned | say |`, with an optional third column of phrases, separated by
 * commas, in which the word may stand. Throws when the section or its table is missing.
 */
export function bannedWordsOf(glossary: string): BannedWord[] {
  const section = /^## Banned words\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(glossary)?.[1];
  if (section === undefined) throw new Error('GLOSSARY.md has no section "## Banned words"');
  const rows = section.split("\n").filter((line) => /^\s*\|/.test(line));
  const words = rows.slice(2).map((row) => {
    const [banned = "", say = "", exceptIn = ""] = row.split("|").slice(1).map(plain);
    return {
      banned,
      say,
      exceptIn: exceptIn
        .split(",")
        .map(plain)
        .filter((phrase) => phrase !== ""),
    };
  });
  if (words.length === 0) throw new Error('the section "## Banned words" of GLOSSARY.md has no table rows');
  return words;
}

/** Banned words in a file, written in any case, apart, hyphenated or run together, in the singular or plural. */
export function wordFaults({ path, text }: SourceFile, words: BannedWord[]): string[] {
  return words.flatMap(({ banned, say, exceptIn }) => {
    const pattern = new RegExp(
      `${banned
        .split(/[\s_-]+/)
        .map(literally)
        .join("[\\s_-]*")}s?`,
      "gi",
    );
    const searched = exceptIn.reduce((rest, phrase) => rest.replaceAll(phrase, (cut) => " ".repeat(cut.length)), text);
    const found = [...searched.matchAll(pattern)].filter((match) => standsAlone(searched, match.index, match[0]));
    return found.map((match) => {
      const line = searched.slice(0, match.index).split("\n").length;
      return `${path}:${line}: says "${match[0]}", say "${say}"`;
    });
  });
}

/** Whether a find is a word or a part of a camelCase name, and not just letters inside another word. */
function standsAlone(text: string, at: number, found: string): boolean {
  const before = text[at - 1] ?? "";
  const startsPart = !/[A-Za-z]/.test(before) || (/[a-z]/.test(before) && /^[A-Z]/.test(found));
  return startsPart && !/[a-z]/.test(text[at + found.length] ?? "");
}

/** npm commands a document names that package.json has no script for. */
export function commandFaults({ path, text }: SourceFile, scripts: string[]): string[] {
  const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
  return [...new Set(named)]
    .filter((script) => !scripts.includes(script))
    .map((script) => `${path}: names the command "${script}", package.json has ${scripts.join(", ")}`);
}

/** Relative links of a document that lead nowhere. */
export function linkFaults({ path, text }: SourceFile, root: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
  return targets
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .filter((target) => !existsSync(posix.join(root, posix.dirname(path), decodeURIComponent(target))))
    .map((target) => `${path}: links to "${target}", which does not exist`);
}

function plain(cell: string): string {
  return cell.replaceAll("`", "").replaceAll("*", "").trim();
}

function literally(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
