import { NesonError } from "@neson/kit/error";
import type { Command } from "commander";
import { compare } from "../sim/compare.ts";
import { readTrace, TRACE_FORMATS, type TraceFormat } from "../sim/read-trace.ts";
import { scoreTable } from "../sim/score-table.ts";
import { MAX_REQUESTS } from "../sim/trace.ts";

const MAX_SIZES = 16;

interface EvictFlags {
  sizes: number[];
  format?: TraceFormat;
  limit?: number;
  json?: boolean;
}

/** `neson sim evict`: replays a log of requests through the Terminal's eviction policy and those it is measured against. */
export function addSimEvict(sim: Command): void {
  sim
    .command("evict")
    .description("replay a request log through the Terminal's eviction policy and six others")
    .argument("<trace>", 'lines "time id size", or 32-bit keys (*.trace); plain, .gz, .bz2 or .xz')
    .option("--sizes <shares>", "cache sizes, as shares of the bytes of all objects", parseShares, [0.01, 0.1])
    .option(
      "--format <format>",
      `what is in the file: ${TRACE_FORMATS.join(" or ")}; by default its name decides`,
      parseFormat,
    )
    .option("--limit <requests>", "replay only the first requests", parseLimit)
    .option("--json", "print JSON")
    .action(async (file: string, { sizes, format, limit, json }: EvictFlags) => {
      const trace = await readTrace(file, { format, limit });
      const comparisons = compare(trace, sizes, { nowMs: () => performance.now(), onStep: showStep });
      showStep();
      const { footprintBytes } = trace;
      const log = { file, requests: trace.keys.length, objects: trace.sizes.length, footprintBytes };
      if (json) process.stdout.write(`${JSON.stringify({ ...log, comparisons }, null, 2)}\n`);
      else process.stdout.write(`${scoreTable(file, trace, comparisons).join("\n")}\n`);
    });
}

/** What is being replayed, on a terminal only and gone when all is done: large logs take minutes. */
function showStep(policy?: string, share = 0): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${policy === undefined ? "" : `replaying ${policy} at ${share * 100} % …`}`);
}

function parseShares(text: string): number[] {
  const shares = text
    .split(",")
    .map((part) => (/^\d{1,3}(\.\d{1,6})?%$/.test(part.trim()) ? Number.parseFloat(part) / 100 : 0));
  const isFine = shares.length <= MAX_SIZES && shares.every((share) => share > 0 && share <= 1);
  if (isFine) return shares;
  throw refusal("--sizes", text, `up to ${MAX_SIZES} shares above 0% and up to 100%, such as "1%,10%"`);
}

function parseFormat(text: string): TraceFormat {
  const format = TRACE_FORMATS.find((known) => known === text);
  if (format === undefined) throw refusal("--format", text, TRACE_FORMATS.join(" or "));
  return format;
}

function parseLimit(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_REQUESTS) throw refusal("--limit", text, `1 to ${MAX_REQUESTS}`);
  return limit;
}

function refusal(option: string, found: string, allowed: string): NesonError {
  const shown = JSON.stringify(found.length > 60 ? `${found.slice(0, 60)}…` : found);
  return new NesonError("bad-option", `option ${option}: found ${shown}, allowed: ${allowed}`, { fault: "operator" });
}
