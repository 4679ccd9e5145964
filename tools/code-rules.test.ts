import { expect, test } from "bun:test";
import {
  docstringFaults,
  exportFaults,
  lengthFaults,
  processFaults,
  purityFaults,
  withoutComments,
} from "./code-rules.ts";

const file = (path: string, ...lines: string[]) => ({ path, text: `${lines.join("\n")}\n` });

test("purityFaults() finds clocks, randomness and platform modules in pure files only", () => {
  const impure = ['import { readFileSync } from "node:fs";', "const now = Date.now();"];
  expect(purityFaults(file("packages/router/policy/plan.ts", ...impure))).toHaveLength(2);
  expect(purityFaults(file("packages/router/steer/rank.ts", "const r = Math.random();"))).toHaveLength(1);
  expect(purityFaults(file("packages/protocol/a.ts", "const d = new Date();"))).toHaveLength(1);
  expect(purityFaults(file("packages/protocol/a.ts", 'import { hkdfSync } from "node:crypto";'))).toEqual([]);
  expect(purityFaults(file("packages/router/policy/a.ts", 'import { hkdfSync } from "node:crypto";'))).toHaveLength(1);
  expect(purityFaults(file("packages/router/policy/a.ts", "// Date.now() would be wrong", "new Date(nowMs)"))).toEqual(
    [],
  );
  expect(purityFaults(file("packages/router/policy/a.test.ts", ...impure))).toEqual([]);
  expect(purityFaults(file("packages/kit/clock.ts", ...impure))).toEqual([]);
});

test("lengthFaults() allows 300 lines, and tests any number", () => {
  const lines = (count: number) => Array.from({ length: count }, () => "x");
  expect(lengthFaults(file("packages/kit/a.ts", ...lines(300)))).toEqual([]);
  expect(lengthFaults(file("packages/kit/a.ts", ...lines(301)))).toHaveLength(1);
  expect(lengthFaults(file("packages/kit/a.test.ts", ...lines(400)))).toEqual([]);
});

test("exportFaults() finds barrels, re-exports and default exports", () => {
  expect(exportFaults(file("packages/kit/index.ts"))).toHaveLength(1);
  expect(exportFaults(file("packages/kit/a.ts", 'export { b } from "./b.ts";'))).toHaveLength(1);
  expect(exportFaults(file("packages/kit/a.ts", 'export * from "./b.ts";'))).toHaveLength(1);
  expect(exportFaults(file("packages/kit/a.ts", 'export type { B } from "./b.ts";'))).toHaveLength(1);
  expect(exportFaults(file("packages/kit/a.ts", "export default 1;"))).toHaveLength(1);
  expect(exportFaults(file("packages/kit/a.ts", "export const from = 1;"))).toEqual([]);
});

test("processFaults() keeps the environment to config.ts and exits to main files", () => {
  expect(processFaults(file("packages/kit/config.ts", "process.env"))).toEqual([]);
  expect(processFaults(file("packages/kit/log.ts", "process.env"))).toHaveLength(1);
  expect(processFaults(file("packages/router/main.ts", "process.exit(1)"))).toEqual([]);
  expect(processFaults(file("packages/router/router.ts", 'process.on("SIGINT", stop)'))).toHaveLength(1);
  expect(processFaults(file("tools/ok.ts", "process.exit(process.env.A)"))).toEqual([]);
});

test("docstringFaults() names exports without a docstring", () => {
  expect(docstringFaults(file("packages/kit/a.ts", "/** What. */", "export const a = 1;"))).toEqual([]);
  expect(docstringFaults(file("packages/kit/a.ts", "const x = 1;", "export async function b() {}"))[0]).toContain("b ");
  expect(docstringFaults(file("packages/kit/a.ts", "export type C = z.infer<typeof cSchema>;"))).toEqual([]);
  expect(docstringFaults(file("packages/kit/a.test.ts", "export const a = 1;"))).toEqual([]);
});

test("withoutComments() keeps lines and URLs", () => {
  expect(withoutComments('a /* b\nc */ d // e\n"http://f"')).toBe('a     \n     d \n"http://f"');
});
