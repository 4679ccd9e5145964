/** `npm run bench -- <name>`: comparisons with other servers, side by side in one run. See docs/performance.md. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeError, NesonError } from "@neson/kit/error";
import { benchCatalog } from "./catalog.ts";
import { benchDecision } from "./decision.ts";
import { benchEdge } from "./edge.ts";
import { benchHit } from "./hit.ts";
import { benchHitTls } from "./hit-tls.ts";
import type { Effort } from "./measure.ts";
import { describeMachine } from "./report.ts";
import { EXIT_MISSING, findProgram, type Program, requirePrograms } from "./requirements.ts";
import { benchSlow } from "./slow.ts";
import { benchSteer } from "./steer.ts";

type Bench = (
  options: { effort: Effort; directory: string; print: (line: string) => void },
  signal: AbortSignal,
) => Promise<void>;

const BENCHES: Record<string, { programs: Program[]; run: Bench }> = {
  hit: { programs: ["nginx", "varnishd", "traffic_server", "wrk", "taskset"], run: benchHit },
  "hit-tls": { programs: ["nginx", "wrk", "h2load", "openssl", "taskset"], run: benchHitTls },
  slow: { programs: ["nginx", "taskset"], run: benchSlow },
  steer: { programs: ["nginx", "wrk", "taskset"], run: benchSteer },
  edge: { programs: ["nginx", "wrk", "taskset"], run: benchEdge },
  catalog: { programs: ["taskset"], run: benchCatalog },
  decision: { programs: [], run: async ({ print }) => benchDecision(print) },
};

const USAGE = `usage: npm run bench -- <${Object.keys(BENCHES).join("|")}> [--rounds 1..50] [--seconds 1..60]`;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readArguments(): { bench: (typeof BENCHES)[string]; name: string; effort: Effort } {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "3" } },
    allowPositionals: true,
  });
  const [name = "", ...others] = positionals;
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (bench === undefined || others.length > 0)
    throw new Error(`found ${positionals.length === 0 ? "no name" : `"${positionals.join(" ")}"`}`);
  const effort = { rounds: within("rounds", values.rounds, 50), seconds: within("seconds", values.seconds, 60) };
  return { bench, name, effort };
}

function within(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most)
    throw new Error(`--${name}: found "${text}", allowed: 1 to ${most}`);
  return value;
}

async function run({ bench, name, effort }: ReturnType<typeof readArguments>, signal: AbortSignal): Promise<void> {
  requirePrograms(bench.programs, findProgram);
  const shown = bench.programs.filter((program) => program !== "taskset");
  print(await describeMachine(shown, Bun.version));
  if (shown.length > 0) {
    print(
      `${name}: medians of ${effort.rounds} runs of ${effort.seconds} s each, taken in turn; server on one core, load on another`,
    );
    print("ratios of ours to the peer's (lowest–highest round); 1.00x = equal, more = ours is better");
  }
  const directory = await mkdtemp(join(tmpdir(), "neson-bench-"));
  try {
    await bench.run({ effort, directory, print }, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort());
  let chosen: ReturnType<typeof readArguments>;
  try {
    chosen = readArguments();
  } catch (error) {
    process.stderr.write(`bench: ${describeError(error)}\n${USAGE}\n`);
    return EXIT_USAGE;
  }
  try {
    await run(chosen, interrupted.signal);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) return EXIT_INTERRUPTED;
    process.stderr.write(`bench: ${describeError(error)}\n`);
    return error instanceof NesonError && error.code === "missing-program" ? EXIT_MISSING : 1;
  }
}

process.exit(await main());
