import { expect, test } from "bun:test";
import { bannedWordsOf, commandFaults, linkFaults, wordFaults } from "./documents.ts";
import { root } from "./source-files.ts";

// Spelt in two parts, so that this file does not itself say what it tests for.
const WORD = ["wid", "get"].join("");
const glossary = `# Glossary\n\n## Banned words\n\n| banned | say | except in |\n| --- | --- | --- |\n| blue ${WORD} | thing | |
| **${WORD}er** | maker | \`lib${WORD}er\`, ${WORD}er_modules |\n\n## More\n\n| x | y |\n| --- | --- |\n| no | no |\n`;

test("bannedWordsOf() reads the table of its section only", () => {
  expect(bannedWordsOf(glossary)).toEqual([
    { banned: `blue ${WORD}`, say: "thing", exceptIn: [] },
    { banned: `${WORD}er`, say: "maker", exceptIn: [`lib${WORD}er`, `${WORD}er_modules`] },
  ]);
  expect(() => bannedWordsOf("# Glossary\n")).toThrow("no section");
  expect(() => bannedWordsOf("## Banned words\n\nnone\n")).toThrow("no table rows");
});

test("wordFaults() finds a banned word in any spelling, with its line", () => {
  const words = bannedWordsOf(glossary);
  const found = (text: string) => wordFaults({ path: "a.md", text }, words);
  expect(found(`one\nthe Blue ${WORD}s here`)).toEqual([`a.md:2: says "Blue ${WORD}s", say "thing"`]);
  expect(found(`blue-${WORD} blue_${WORD} blue${WORD}`)).toHaveLength(3);
  expect(found(`blue${WORD}Count`)).toHaveLength(1);
  expect(found(`${WORD} notblue ${WORD} blue ${WORD}ish`)).toEqual([]);
  expect(found(`lib${WORD}er and ${WORD}er_modules`)).toEqual([]);
});

test("commandFaults() names commands that are no scripts", () => {
  const text = "Run `npm start`, `npm test -- a`, `npm run ok`, `npm run nope` and `npm install`.";
  const faults = commandFaults({ path: "README.md", text }, ["start", "test", "ok"]);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain('"nope"');
});

test("linkFaults() names relative links that lead nowhere", () => {
  const text =
    "[a](../package.json) [b](https://example.com/x) [c](missing.md#part) [d](#here) [e](mailto:a@example.com)";
  expect(linkFaults({ path: "docs/a.md", text }, root)).toEqual([
    'docs/a.md: links to "missing.md", which does not exist',
  ]);
});
