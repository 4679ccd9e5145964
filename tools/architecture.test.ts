// The rules of ARCHITECTURE.md as tests. Their scanners are in imports.ts, code-rules.ts and documents.ts. What they read:
// - GLOSSARY.md has a section "## Banned words" with a table `| banned | say |` and, if need be, a third column of phrases, separated by
//   commas, in which the banned word may stand ("node_modules"). A phrase of several words is found in any
//   spelling: apart, hyphenated or run together. The gate reads every source file and document but the glossary itself.
// - Documents name commands as `npm start`, `npm test` or `npm run NAME`; each must be a script of package.json.
// - Functions over 60 lines, default exports and file names are Biome's part (biome.json).
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { docstringFaults, exportFaults, lengthFaults, processFaults, purityFaults } from "./code-rules.ts";
import { bannedWordsOf, commandFaults, linkFaults, wordFaults } from "./documents.ts";
import { importFaults } from "./imports.ts";
import { readFiles, root, type SourceFile } from "./source-files.ts";

const code = readFiles("{packages,test,tools}/**/*.{ts,mjs}");
const documents = readFiles("**/*.md");
const packages = readdirSync(join(root, "packages"));

function faults(files: SourceFile[], rule: (file: SourceFile) => string[]): string[] {
  return files.flatMap(rule);
}

test("packages import only what the import table allows", () => {
  expect(faults(code, importFaults)).toEqual([]);
});

test("pure files use no platform module, clock or randomness", () => {
  expect(faults(code, purityFaults)).toEqual([]);
});

test("files that are not tests have at most 300 lines", () => {
  expect(faults(code, lengthFaults)).toEqual([]);
});

test("there are no barrels, re-exports or default exports", () => {
  expect(faults(code, exportFaults)).toEqual([]);
});

test("the environment, signals and exit are used only by the files that own them", () => {
  expect(faults(code, processFaults)).toEqual([]);
});

test("every export of a package has a docstring", () => {
  expect(faults(code, docstringFaults)).toEqual([]);
});

test("no source file or document uses a banned word of the glossary", () => {
  const words = bannedWordsOf(readFileSync(join(root, "GLOSSARY.md"), "utf8"));
  const others = documents.filter((file) => file.path !== "GLOSSARY.md");
  expect(faults([...code, ...others], (file) => wordFaults(file, words))).toEqual([]);
});

test("the commands that documents name exist in package.json", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(faults(documents, (file) => commandFaults(file, Object.keys(scripts)))).toEqual([]);
});

test("relative links in documents lead somewhere", () => {
  expect(faults(documents, (file) => linkFaults(file, root))).toEqual([]);
});

test("every package has a README.md, a manifest with exact versions, and code", () => {
  const missing = packages.filter((name) => !existsSync(join(root, "packages", name, "README.md")));
  expect(missing).toEqual([]);
  for (const name of packages) {
    const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name: `@neson/${name}`, type: "module", license: "Apache-2.0" });
    for (const version of Object.values(manifest.dependencies ?? {})) expect(version).toMatch(/^\d/);
    expect(code.some((file) => file.path.startsWith(`packages/${name}/`))).toBe(true);
  }
});

test("the repository has the documents that people look for", () => {
  const wanted = [
    "README.md",
    "ARCHITECTURE.md",
    "GLOSSARY.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE",
  ];
  expect(wanted.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});
