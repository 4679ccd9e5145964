import { importsOf, partOf } from "./imports.ts";
import type { SourceFile } from "./source-files.ts";

const MAX_FILE_LINES = 300;

/** Decisions that must give the same answer for the same input: no platform module, clock, randomness or global state. */
const PURE = [
  /^packages\/router\/policy\//,
  /^packages\/router\/steer\/rank\.ts$/,
  /^packages\/terminal\/evict\/(priority|ranking|tuner|ghost-table|slot-heap|fingerprint)\.ts$/,
  /^packages\/protocol\//,
];
const IMPURE_CALLS =
  /\b(Date\.now|Math\.random|performance\.now|new Date\(\)|crypto\.(randomUUID|getRandomValues)|fetch\(|setTimeout|setInterval)/;

/** `node:crypto` is where hashes and signatures come from; Bun's hasher is used as a global. */
const PROTOCOL_MODULES = ["node:crypto"];

/** Whether a file is a test or serves only tests. */
function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.startsWith("test/");
}

/** Faults of a file that must be pure; empty for every other file. */
export function purityFaults({ path, text }: SourceFile): string[] {
  if (!PURE.some((pattern) => pattern.test(path)) || isTest(path) || path.includes("/vectors/")) return [];
  const code = withoutComments(text);
  const allowedModules = partOf(path) === "protocol" ? PROTOCOL_MODULES : [];
  const faults = importsOf(code)
    .filter((specifier) => /^(node|bun)(:|$)/.test(specifier) && !allowedModules.includes(specifier))
    .map((specifier) => `${path}: is pure, but imports "${specifier}"`);
  const call = IMPURE_CALLS.exec(code);
  if (call !== null) faults.push(`${path}: is pure, but uses ${call[0]}`);
  return faults;
}

/** Files over 300 lines that are not tests. */
export function lengthFaults({ path, text }: SourceFile): string[] {
  const lines = text.split("\n").length - 1;
  if (isTest(path) || lines <= MAX_FILE_LINES) return [];
  return [`${path}: has ${lines} lines, allowed: ${MAX_FILE_LINES}`];
}

/** Barrels (files that only pass on what others export) and default exports. */
export function exportFaults({ path, text }: SourceFile): string[] {
  const code = withoutComments(text);
  const faults: string[] = [];
  if (/(^|\/)index\.[cm]?[tj]sx?$/.test(path))
    faults.push(`${path}: index files are barrels; import the file that has the code`);
  if (/^export\s+(\*|(type\s+)?\{[^}]*\})\s*from\b/m.test(code)) faults.push(`${path}: re-exports from another file`);
  if (/^export\s+default\b/m.test(code)) faults.push(`${path}: has a default export`);
  return faults;
}

/** Uses of the environment, signals and process exit outside the files that own them. */
export function processFaults({ path, text }: SourceFile): string[] {
  if (!path.startsWith("packages/") || isTest(path)) return [];
  const code = withoutComments(text);
  const faults: string[] = [];
  if (path !== "packages/kit/config.ts" && /\b(process|Bun|import\.meta)\.env\b/.test(code)) {
    faults.push(`${path}: reads the environment; only packages/kit/config.ts does`);
  }
  const mayExit = /^packages\/(kit\/lifecycle\.ts|cli\/.*|.*\/main\.ts)$/.test(path);
  const found = /\bprocess\.(exit\(|exitCode\b|on\(["']SIG)/.exec(code);
  if (!mayExit && found !== null)
    faults.push(`${path}: uses ${found[0]}; only main files, the cli and packages/kit/lifecycle.ts do`);
  return faults;
}

/** Exports of a package without a docstring right above them. Several overload-like lines in a row share one. */
export function docstringFaults({ path, text }: SourceFile): string[] {
  if (!path.startsWith("packages/") || isTest(path)) return [];
  const lines = text.split("\n");
  return lines.flatMap((line, i) => {
    const name = /^export (?:declare |abstract |async )*(?:function\*?|const|class|interface|type) (\w+)/.exec(
      line,
    )?.[1];
    if (name === undefined) return [];
    const above = (lines[i - 1] ?? "").trim();
    return above.endsWith("*/") || isTypeOfNeighbour(lines, i, name)
      ? []
      : [`${path}: export ${name} has no docstring`];
  });
}

/** `export type X = z.infer<typeof xSchema>` right below the schema is documented by it. */
function isTypeOfNeighbour(lines: string[], at: number, name: string): boolean {
  return (
    /^export type/.test(lines[at] ?? "") && new RegExp(`^export type ${name} = (z\\.|\\(typeof)`).test(lines[at] ?? "")
  );
}

/** The code with comments blanked out, line for line. Good enough for rules: strings that look like comments are rare. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[^:"'`\\])\/\/.*$/gm, "$1");
}
