// `npm test`: every test of the repository, or those whose path contains one of the arguments. Unit tests share one process; each
// file under test/ gets its own, because those start real services. The last line is `N passed, N failed[, N skipped]`.
import { type Counts, describeCounts, runTests, sumCounts } from "./run-tests.ts";
import { root, testFiles } from "./source-files.ts";

const UNIT_TIMEOUT_MS = 10 * 60_000;
const FILE_TIMEOUT_MS = 8 * 60_000;

const filters = process.argv.slice(2).map((filter) => filter.replace(/^\.\//, ""));
const files = (await testFiles()).filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(filters.length === 0 ? "no test file found" : `no test file's path contains ${filters.join(" or ")}`);
  process.exit(1);
}

const unit = files.filter((file) => !file.startsWith("test/"));
const groups = files.filter((file) => file.startsWith("test/")).map((file) => [file]);
if (unit.length > 0) groups.unshift(unit);

const results: Counts[] = [];
for (const group of groups) {
  const isUnit = group === unit;
  console.log(`\n— ${isUnit ? `unit tests (${group.length} files)` : group[0]}`);
  results.push(await runTests({ root, files: group, timeoutMs: isUnit ? UNIT_TIMEOUT_MS : FILE_TIMEOUT_MS }));
}

const total = sumCounts(results);
console.log(`\n${describeCounts(total)}`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
