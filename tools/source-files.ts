import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The repository's root directory. */
export const root = dirname(import.meta.dir);

/** A text file of the repository. */
export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  path: string;
  text: string;
}

const SKIPPED = /(^|\/)(node_modules|dist|\.git|\.neson)\//;

/** Files matching a glob below `directory` (the root when absent), sorted, without installed or generated ones. */
export function readFiles(pattern: string, directory = root): SourceFile[] {
  const paths = [...new Bun.Glob(pattern).scanSync({ cwd: directory, dot: true })].map((path) =>
    path.replaceAll("\\", "/"),
  );
  return paths
    .filter((path) => !SKIPPED.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(directory, path), "utf8") }));
}

/** Paths of every test file, sorted: unit tests beside their code first, then those under test/. */
export async function testFiles(directory = root): Promise<string[]> {
  const paths: string[] = [];
  for (const top of ["packages", "tools", "test"]) {
    for await (const path of new Bun.Glob(`${top}/**/*.test.ts`).scan({ cwd: directory })) {
      if (!SKIPPED.test(path)) paths.push(path.replaceAll("\\", "/"));
    }
  }
  const rank = (path: string) => (path.startsWith("test/") ? 1 : 0);
  return paths.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
