import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AllCallsDeps, allCalls } from "./calls/all-calls.ts";
import { problemKinds } from "./problem-page.ts";
import { SCOPES } from "./scopes.ts";

// docs/api.md is for people; these tests keep its tables true. A row that is missing is printed as it should stand there.

const document = await readFile(join(import.meta.dir, "../../../docs/api.md"), "utf8");
const rows = document
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) => line.replace(/ {2,}/g, " "));

// What calls do is not looked at, only what they say of themselves.
const calls = allCalls({} as AllCallsDeps);

test("docs/api.md lists every call with its scope, and no other", () => {
  const expected = calls.map(({ method, path, scope, summary }) => {
    return `| \`${method} ${path}\` | ${scope === "public" ? "none" : `\`${scope}\``} | ${summary} |`;
  });
  expect(rows.filter((row) => /^\| `(GET|POST|PUT|PATCH|DELETE) \//.test(row)).sort()).toEqual(expected.sort());
});

test("docs/api.md lists every scope, and no other", () => {
  const expected = Object.entries(SCOPES).map(([name, line]) => `| \`${name}\` | ${line} |`);
  expect(rows.filter((row) => expected.includes(row)).sort()).toEqual(expected.sort());
});

test("docs/api.md lists every problem with its status, and no other", () => {
  const expected = problemKinds(calls).map(
    ({ code, status, when }) => `| \`${code}\` | ${status} | ${when.join("; or ")} |`,
  );
  expect(rows.filter((row) => /^\| `[a-z-]+` \| \d{3} \|/.test(row)).sort()).toEqual(expected.sort());
});

test("docs/api.md speaks of no path that is not there", () => {
  const spoken = [...document.matchAll(/(?:\/api\/v1|\$api)(\/[a-z{}/.-]*[a-z}])/g)].map((match) => match[1] ?? "");
  const templates = calls.map(({ path }) => new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`));
  expect(spoken.length).toBeGreaterThan(5);
  expect(spoken.filter((path) => !templates.some((template) => template.test(path)))).toEqual([]);
});
