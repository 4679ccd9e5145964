import { expect, test } from "bun:test";
import { importFaults, importsOf } from "./imports.ts";

test("importsOf() finds every kind of import and no comment or text", () => {
  const text = [
    'import a from "one";',
    'import type { B } from "two";',
    "import {",
    "  c,",
    "} from 'three';",
    'import "four";',
    'export { d } from "five";',
    'const e = await import("six");',
    '// import f from "seven";',
    'const g = "from \\"eight\\"";',
  ].join("\n");
  expect(importsOf(text).toSorted()).toEqual(["five", "four", "one", "six", "three", "two"]);
});

const faultsOf = (path: string, specifier: string) =>
  importFaults({ path, text: `import { x } from "${specifier}";\n` });

test("importFaults() lets through what the table allows", () => {
  expect(faultsOf("packages/kit/a.ts", "@neson/protocol/bytes")).toEqual([]);
  expect(faultsOf("packages/terminal/serve/a.ts", "@neson/kit/http/server")).toEqual([]);
  expect(faultsOf("packages/router/edge/a.ts", "../policy/plan.ts")).toEqual([]);
  expect(faultsOf("packages/cli/up/a.ts", "@neson/router/router")).toEqual([]);
  expect(faultsOf("test/e2e/a.test.ts", "../../packages/router/db/schema.ts")).toEqual([]);
  expect(faultsOf("packages/kit/a.ts", "node:fs")).toEqual([]);
});

test("importFaults() names what it forbids", () => {
  expect(faultsOf("packages/terminal/a.ts", "@neson/router/db/schema")[0]).toContain("terminal may not import router");
  expect(faultsOf("packages/protocol/a.ts", "@neson/kit/error")[0]).toContain("protocol may not import kit");
  expect(faultsOf("packages/router/edge/a.ts", "../../kit/error.ts")[0]).toContain("across packages");
  expect(faultsOf("packages/kit/a.ts", "@neson/kit/error")[0]).toContain("its own package");
  expect(faultsOf("packages/kit/a.ts", "@neson/protocol")[0]).toContain("name the file");
  expect(faultsOf("packages/kit/a.ts", "./error")[0]).toContain("without its extension");
  expect(faultsOf("packages/hunter/a.ts", "node:fs")[0]).toContain("not in the import table");
});
