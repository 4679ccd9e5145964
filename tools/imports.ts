import { posix } from "node:path";
import type { SourceFile } from "./source-files.ts";

/** Which of our packages each part of the repository may import; "*" is all of them. */
const MAY_IMPORT: Record<string, readonly string[] | "*"> = {
  protocol: [],
  kit: ["protocol"],
  terminal: ["protocol", "kit"],
  router: ["protocol", "kit"],
  cli: ["protocol", "kit", "terminal", "router"],
  test: "*",
  tools: "*",
};

const FROM = /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm;
const BARE = /^\s*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

/** Module specifiers a file imports, statically, for side effects or dynamically; type imports too. */
export function importsOf(text: string): string[] {
  return [FROM, BARE, DYNAMIC].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
}

/** The part of the repository a path belongs to: a package's name, "test" or "tools". */
export function partOf(path: string): string {
  const [top = "", name = ""] = path.split("/");
  return top === "packages" ? name : top;
}

/** What is wrong with a file's imports of our own code; empty when nothing is. */
export function importFaults({ path, text }: SourceFile): string[] {
  const part = partOf(path);
  const allowed = MAY_IMPORT[part];
  if (allowed === undefined) return [`${path}: package "${part}" is not in the import table of tools/imports.ts`];
  return importsOf(text).flatMap((specifier) => faultOf(path, part, allowed, specifier) ?? []);
}

function faultOf(path: string, part: string, allowed: readonly string[] | "*", specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(path), specifier);
    if (partOf(target) !== part && path.startsWith("packages/")) {
      return `${path}: imports "${specifier}" across packages; use @neson/${partOf(target)}/…`;
    }
    return /\.(ts|mjs|json|js|css|html|sh|ps1)$/.test(specifier)
      ? undefined
      : `${path}: imports "${specifier}" without its extension`;
  }
  const ours = /^@neson\/([^/]+)(\/.+)?$/.exec(specifier);
  if (ours === null) return undefined;
  const [, target = "", file] = ours;
  if (file === undefined) return `${path}: imports "${specifier}"; name the file, "@neson/${target}/…"`;
  if (target === part) return `${path}: imports its own package as "${specifier}"; use a relative path`;
  if (allowed !== "*" && !allowed.includes(target)) {
    return `${path}: ${part} may not import ${target} (allowed: ${allowed.join(", ") || "nothing of ours"})`;
  }
  return undefined;
}
