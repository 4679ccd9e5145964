import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import { LOAD_CORE } from "./processes.ts";

/** What one run of the load generator saw. */
export interface LoadResult {
  requestsPerSecond: number;
  /** Header and body bytes, also of answers that the end of the run cut short. */
  bytesPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** One run: keep-alive connections that ask for the same thing as fast as it is answered. */
export interface LoadOptions {
  url: string;
  connections: number;
  seconds: number;
  /** Extra request fields as `Name: value`. */
  headers: string[];
  /** A file of request targets, one a line, to be asked for in turn instead of the URL's own. */
  targetsFile?: string | undefined;
}

const sumsSchema = z.object({
  // No answer may have ended in a short run of large ones: the bytes count all the same.
  requests: z.number().min(0),
  bytes: z.number().min(1),
  durationUs: z.number().min(1),
  badStatus: z.number(),
  socketErrors: z.number(),
  p50Us: z.number(),
  p99Us: z.number(),
});

/**
 * Runs wrk on the load core.
 * @throws NesonError `load-failed` when an answer was an error or a connection broke: such a run measures nothing
 */
export async function runLoad(options: LoadOptions, signal: AbortSignal): Promise<LoadResult> {
  signal.throwIfAborted();
  const command = [
    "taskset",
    "-c",
    String(LOAD_CORE),
    "wrk",
    "-t1",
    `-c${options.connections}`,
    `-d${options.seconds}s`,
  ];
  for (const header of options.headers) command.push("-H", header);
  command.push("-s", join(import.meta.dir, "wrk.lua"), options.url);
  if (options.targetsFile !== undefined) command.push("--", options.targetsFile);
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", signal });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  signal.throwIfAborted();
  return parseLoad(output + errors, options.url);
}

/** Reads the line that wrk.lua writes. */
export function parseLoad(output: string, url: string): LoadResult {
  const line = /^NESON (\{.*\})$/m.exec(output)?.[1];
  const sums = line === undefined ? undefined : sumsSchema.safeParse(JSON.parse(line)).data;
  if (sums === undefined) throw failed(url, `wrk gave no sums: ${output.trim().slice(0, 500)}`);
  if (sums.badStatus > 0 || sums.socketErrors > 0) {
    throw failed(url, `of ${sums.requests} requests ${sums.badStatus} got an error status, ${sums.socketErrors} broke`);
  }
  const seconds = sums.durationUs / 1e6;
  return {
    requestsPerSecond: sums.requests / seconds,
    bytesPerSecond: sums.bytes / seconds,
    p50Ms: sums.p50Us / 1000,
    p99Ms: sums.p99Us / 1000,
  };
}

function failed(url: string, found: string): NesonError {
  return new NesonError("load-failed", `Load on ${url.slice(0, 100)} failed: ${found}`, { fault: "peer" });
}
