import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How tests ended. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** One `bun test` process. */
export interface TestRun {
  /** Directory the file paths are relative to. */
  root: string;
  files: string[];
  /** After this the process, and all it started, is killed and counts as one more failure. */
  timeoutMs: number;
  /** Keep what it prints to itself. */
  quiet?: boolean;
}

/** A single test may take this long unless it says otherwise. */
const TEST_TIMEOUT_MS = 30_000;

/** Runs `bun test` on the files, output passed through, and counts from its JUnit report. */
export async function runTests({ root, files, timeoutMs, quiet = false }: TestRun): Promise<Counts> {
  const directory = mkdtempSync(join(tmpdir(), "neson-test-"));
  const report = join(directory, "junit.xml");
  const output = quiet ? "ignore" : "inherit";
  const child = Bun.spawn(
    [
      ...[process.execPath, "test", "--only-failures", `--timeout=${TEST_TIMEOUT_MS}`],
      ...["--reporter=junit", `--reporter-outfile=${report}`],
      ...files.map((file) => `./${file}`),
    ],
    // A process group of its own: services that a broken test leaves behind end with it.
    { cwd: root, stdio: ["ignore", output, output], detached: true },
  );
  const onInterrupt = () => {
    killGroup(child.pid);
    process.exit(130);
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeoutMs);
  const exitCode = await child.exited;
  clearTimeout(timer);
  process.off("SIGINT", onInterrupt);
  process.off("SIGTERM", onInterrupt);
  killGroup(child.pid);
  if (timedOut && !quiet) console.error(`killed after ${timeoutMs / 1000} s: ${files.join(" ")}`);
  const counts = countsOf(readReport(report), exitCode);
  rmSync(directory, { recursive: true, force: true });
  return counts;
}

/**
 * Counts of a JUnit report. A process that ended with an error yet reports no failed test (it was killed, or a file did not load) counts
 * as one failure, so that nothing can fail unseen.
 */
export function countsOf(report: string | undefined, exitCode: number | null): Counts {
  const totals = /<testsuites\b[^>]*>/.exec(report ?? "")?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
  const skipped = number("skipped");
  const failed = number("failures") + number("errors");
  const passed = Math.max(0, number("tests") - failed - skipped);
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed, skipped };
}

/** Adds up counts. */
export function sumCounts(all: Counts[]): Counts {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  return total;
}

/** "12 passed, 0 failed", with ", 3 skipped" only when some were. */
export function describeCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function readReport(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody of that group is left.
  }
}
