import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countsOf, describeCounts, runTests, sumCounts } from "./run-tests.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "neson-run-tests-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, body: string): string {
  writeFileSync(join(root, name), `import { test, expect } from "bun:test";\n${body}`);
  return name;
}

test("runTests() counts passed, failed and skipped tests", async () => {
  const files = [
    write("a.test.ts", `test("one", () => {}); test("two", () => {}); test.skip("three", () => {});`),
    write("b.test.ts", `test("four", () => { expect(1).toBe(1); });`),
  ];
  expect(await runTests({ root, files, timeoutMs: 20_000, quiet: true })).toEqual({ passed: 3, failed: 0, skipped: 1 });
});

test("runTests() kills a run that takes too long and counts it as failed", async () => {
  const files = [write("a.test.ts", `test("hangs", () => new Promise(() => setInterval(() => {}, 1000)), 60_000);`)];
  const counts = await runTests({ root, files, timeoutMs: 1500, quiet: true });
  expect(counts).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("countsOf() reads the totals of a JUnit report", () => {
  const report = `<?xml version="1.0"?><testsuites name="bun test" tests="9" assertions="20" failures="2" skipped="3" time="1"><testsuite tests="4"/>`;
  expect(countsOf(report, 1)).toEqual({ passed: 4, failed: 2, skipped: 3 });
});

test("countsOf() counts a failed process without a failed test as one failure", () => {
  expect(countsOf(undefined, 137)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(countsOf(`<testsuites tests="3" failures="0" skipped="0">`, 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
});

test("describeCounts() names skipped tests only when there are some", () => {
  const total = sumCounts([
    { passed: 2, failed: 0, skipped: 0 },
    { passed: 3, failed: 1, skipped: 2 },
  ]);
  expect(describeCounts(total)).toBe("5 passed, 1 failed, 2 skipped");
  expect(describeCounts({ passed: 1, failed: 0, skipped: 0 })).toBe("1 passed, 0 failed");
});
