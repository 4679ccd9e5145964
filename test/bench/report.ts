import { cpus, totalmem, type } from "node:os";
import type { Run } from "./measure.ts";
import { findProgram } from "./requirements.ts";
import { compare, formatRatio, type Ratio } from "./statistics.ts";

/** Using more than this share of the machine just before the start, others would make the rates waver. */
const BUSY_SHARE = 0.1;
const WATCH_MS = 1000;

/** Lines that tell where and with what was measured. */
export async function describeMachine(programs: readonly string[], bunVersion: string): Promise<string> {
  const all = cpus();
  const share = await busyShare();
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  const versions = await Promise.all(programs.map(versionOf));
  const percent = `${Math.round(share * 100)}% used by others before the start`;
  const busy = share > BUSY_SHARE ? " (BUSY: trust the rates only roughly)" : "";
  return [
    `machine: ${all[0]?.model ?? "unknown CPU"}, ${all.length} cores, ${memoryGiB} GiB, ${type()}; ${percent}${busy}`,
    `versions: ${["Bun ".concat(bunVersion), ...versions].join(", ")}`,
  ].join("\n");
}

/** The share of all cores that was in use while this process did nothing. */
async function busyShare(): Promise<number> {
  const before = coreTimes();
  await Bun.sleep(WATCH_MS);
  const after = coreTimes();
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

function coreTimes(): { idle: number; all: number } {
  let [idle, all] = [0, 0];
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, all };
}

async function versionOf(program: string): Promise<string> {
  const flag = { nginx: "-v", varnishd: "-V", wrk: "-v", openssl: "version" }[program] ?? "--version";
  const child = Bun.spawn([findProgram(program) ?? program, flag], { stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return `${program} ${/\d+\.\d+(\.\d+)?/.exec(output + errors)?.[0] ?? "of unknown version"}`;
}

/** Which of a run's numbers is compared. */
export type Unit = "requests" | "bytes";

/** A peer beside which ours was measured. */
export interface Comparison {
  peer: string;
  /** Rate over rate: above 1 we answer more in the same time. */
  rate: Ratio;
  /** Work for each processor second over theirs: above 1 we need less. Steadier than the rate while others use the machine. */
  efficiency: Ratio;
}

/** Compares the first contender with each of the others. */
export function compareRuns(runs: ReadonlyMap<string, Run[]>, unit: Unit): Comparison[] {
  const [ours, ...others] = [...runs].map(([peer, results]) => {
    const rates = results.map((run) => (unit === "requests" ? run.requestsPerSecond : run.bytesPerSecond));
    return { peer, rates, efficiencies: results.map((run, round) => (rates[round] ?? 0) / run.cpuShare) };
  });
  if (ours === undefined) return [];
  return others.map(({ peer, rates, efficiencies }) => ({
    peer,
    rate: compare(ours.rates, rates),
    efficiency: compare(ours.efficiencies, efficiencies),
  }));
}

/** The lines of a report on one thing asked for: one for each peer. */
export function comparisonLines(label: string, comparisons: readonly Comparison[], target: string): string[] {
  return comparisons.map(({ peer, rate, efficiency }, index) => {
    const first = index === 0;
    const cells = [(first ? label : "").padEnd(28), peer.padEnd(18), formatRatio(rate).padEnd(20)];
    return [...cells, formatRatio(efficiency).padEnd(20), first ? target : ""].join(" ").trimEnd();
  });
}

/** The heads of the columns of `comparisonLines()`. */
export const COMPARISON_HEAD = `${"".padEnd(28)} ${"beside".padEnd(18)} ${"rate".padEnd(20)} ${"per CPU second".padEnd(20)} must reach`;
