import { cpuSeconds } from "./cpu-time.ts";
import { runHttp2Load } from "./h2load.ts";
import { type LoadOptions, type LoadResult, runLoad } from "./wrk.ts";

/** How long and how often to measure. */
export interface Effort {
  rounds: number;
  seconds: number;
}

/** One server's side of a comparison. */
export interface Contender {
  name: string;
  /** Its process; children count too. */
  pid: number;
  /** Loaded by h2load over HTTP/2 instead of by wrk. */
  isHttp2?: boolean;
  load: Omit<LoadOptions, "seconds">;
}

/** What one run showed. */
export interface Run extends LoadResult {
  /** Processor seconds that the server used for each second of the run; 1 = its whole core. */
  cpuShare: number;
}

/** Long enough for what a server compiles while it runs. */
const WARM_UP_SECONDS = 4;

/**
 * Loads the servers in turn (A B C A B C …), so that whatever slows the machine down slows all of them.
 * @returns the runs of each contender, by name, in order of rounds
 */
export async function measureInTurn(
  contenders: readonly Contender[],
  effort: Effort,
  signal: AbortSignal,
): Promise<Map<string, Run[]>> {
  for (const contender of contenders) await generate(contender, WARM_UP_SECONDS, signal);
  const runs = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < effort.rounds; round += 1) {
    for (const contender of contenders)
      runs.get(contender.name)?.push(await measure(contender, effort.seconds, signal));
  }
  return runs;
}

async function measure(contender: Contender, seconds: number, signal: AbortSignal): Promise<Run> {
  const before = await cpuSeconds(contender.pid);
  const result = await generate(contender, seconds, signal);
  return { ...result, cpuShare: ((await cpuSeconds(contender.pid)) - before) / seconds };
}

function generate({ isHttp2, load }: Contender, seconds: number, signal: AbortSignal): Promise<LoadResult> {
  return (isHttp2 === true ? runHttp2Load : runLoad)({ ...load, seconds }, signal);
}
