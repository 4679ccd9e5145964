import { readdir, readFile } from "node:fs/promises";
import http from "node:http";
import { startNetwork } from "../e2e/network.ts";
import { type Ask, ask } from "./ask.ts";
import { type Fault, startFaultyOrigin } from "./faulty-origin.ts";
import { judge } from "./judge.ts";
import { PAGES, type Page } from "./pages.ts";

const CLIENTS = 12;
const TERMINALS = 2;
/** A fault, and the health before it, last so long. */
const FAULT_MS = 3000;
const HEALTHY_MS = 3000;
/** An answer may still suffer from a fault that ended so long ago: a flight goes on, a Terminal waits for a fill. */
const AFTERMATH_MS = 3000;
const SAMPLE_MS = 1000;
const FAULTS: readonly Fault[] = ["down", "slow", "short", "reset", "error"];

/** What a process held at one moment. */
interface Sample {
  atMs: number;
  residentBytes: number;
  openFiles: number;
}

/** How a soak went. */
export interface SoakReport {
  requests: number;
  originRequests: number;
  fromTerminals: number;
  /** Answers that failed as the rules allow while the origin was out of order. */
  allowedFailures: number;
  /** What should not have happened, with how often. */
  violations: Map<string, number>;
  router: Sample[];
}

interface Run {
  site: URL;
  agent: http.Agent;
  endMs: number;
  faultSinceMs: () => number;
  stored: Set<string>;
  report: SoakReport;
}

/** Lets a network serve mixed traffic for a while, its origin in and out of order, and says what went wrong. */
export async function soak(
  options: { seconds: number; seed: number },
  print: (line: string) => void,
): Promise<SoakReport> {
  await using origin = await startFaultyOrigin();
  await using network = await startNetwork({ origin: origin.url, terminals: TERMINALS });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const report: SoakReport = {
    ...{ requests: 0, originRequests: 0, fromTerminals: 0, allowedFailures: 0 },
    ...{ violations: new Map(), router: [] },
  };
  let lastFaultMs = Number.NEGATIVE_INFINITY;
  const startMs = performance.now();
  const run: Run = {
    ...{ site: new URL(network.facts.site), agent, report, stored: new Set() },
    endMs: startMs + options.seconds * 1000,
    faultSinceMs: () => (origin.fault === "none" ? lastFaultMs : performance.now()),
  };
  const faults = (async () => {
    for (let i = 0; performance.now() < run.endMs; i++) {
      await Bun.sleep(HEALTHY_MS);
      origin.fault = FAULTS[i % FAULTS.length] ?? "none";
      await Bun.sleep(FAULT_MS);
      lastFaultMs = performance.now();
      origin.fault = "none";
    }
  })();
  const sampling = setInterval(async () => {
    const sample = await sampleOf(network.facts.pids.router, performance.now() - startMs);
    if (sample !== undefined) report.router.push(sample);
  }, SAMPLE_MS);
  const clients = Array.from({ length: CLIENTS }, (_, i) => client(run, randomOf(options.seed + i)));
  const telling = setInterval(() => print(progressLine(report, performance.now() - startMs)), 30_000);
  await Promise.all([...clients, faults]);
  clearInterval(telling);
  clearInterval(sampling);
  agent.destroy();
  report.originRequests = origin.requests;
  return report;
}

async function client(run: Run, random: () => number): Promise<void> {
  while (performance.now() < run.endMs) {
    const page = PAGES[Math.floor(random() ** 2 * PAGES.length)] as Page;
    const asked = askFor(page, random);
    const known = asked.path === page.path ? page : undefined;
    const beganMs = performance.now();
    const wasStored = run.stored.has(page.path);
    const reply = await ask(run.site, run.agent, asked);
    const wasFaulty = run.faultSinceMs() >= beganMs - AFTERMATH_MS;
    const { report } = run;
    report.requests += 1;
    if (reply.isFromTerminal) report.fromTerminals += 1;
    const problem = judge(asked, reply, known, { wasFaulty, wasStored });
    if (problem !== undefined) {
      const line = `${asked.method} ${asked.path.split("/")[1]}: ${problem}`;
      report.violations.set(line, (report.violations.get(line) ?? 0) + 1);
    } else if (reply.status >= 500 || reply.wasCut) report.allowedFailures += 1;
    else if (asked.method === "GET" && reply.status === 200) run.stored.add(page.path);
  }
}

function askFor(page: Page, random: () => number): Ask {
  const choice = random();
  // Not to a page: that would make what is stored of it worthless.
  if (choice < 0.05) return { method: "POST", path: "/form", headers: {}, body: Buffer.from(`posted ${choice}`) };
  if (choice < 0.08) return { method: "GET", path: "/not/there", headers: {} };
  if (choice < 0.13) return { method: "HEAD", path: page.path, headers: {} };
  if (choice < 0.2 && page.headers.ETag !== undefined) {
    return { method: "GET", path: page.path, headers: { "If-None-Match": page.headers.ETag } };
  }
  if (choice < 0.45) {
    const first = Math.floor(random() * page.size);
    const last = Math.min(page.size - 1, first + Math.floor(random() * 1_000_000));
    return { method: "GET", path: page.path, headers: { Range: `bytes=${first}-${last}` } };
  }
  return { method: "GET", path: page.path, headers: {} };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function sampleOf(pid: number, atMs: number): Promise<Sample | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const residentBytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    return { atMs, residentBytes, openFiles: (await readdir(`/proc/${pid}/fd`)).length };
  } catch {
    return undefined;
  }
}

function progressLine(report: SoakReport, tookMs: number): string {
  const last = report.router.at(-1);
  const violations = [...report.violations.values()].reduce((sum, count) => sum + count, 0);
  return (
    `${(tookMs / 1000).toFixed(0)} s: ${report.requests} requests, ${report.fromTerminals} answered by Terminals, ` +
    `${report.allowedFailures} failed as they may, ${violations} as they may not; ` +
    `Router ${((last?.residentBytes ?? 0) / 1_048_576).toFixed(0)} MiB, ${last?.openFiles ?? 0} files open`
  );
}

/** Median of what the Router held in the second and in the last quarter of the time: what grows there, leaks. */
export function growthOf(samples: readonly Sample[]): { residentBytes: number; openFiles: number } {
  const quarter = Math.floor(samples.length / 4);
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  const grown = (read: (sample: Sample) => number) => medianOf(late.map(read)) - medianOf(early.map(read));
  return {
    residentBytes: grown(({ residentBytes }) => residentBytes),
    openFiles: grown(({ openFiles }) => openFiles),
  };
}

function medianOf(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
