import { NesonError } from "@neson/kit/error";
import { LOAD_CORE } from "./processes.ts";
import type { LoadOptions, LoadResult } from "./wrk.ts";

/** Streams that each connection keeps open at once. */
const STREAMS = 4;

/**
 * Runs h2load on the load core: HTTP/2 over TLS, the same question on every stream of every connection.
 * @throws NesonError `load-failed` when an answer was an error or a connection broke: such a run measures nothing
 */
export async function runHttp2Load(options: LoadOptions, signal: AbortSignal): Promise<LoadResult> {
  signal.throwIfAborted();
  const command = ["taskset", "-c", String(LOAD_CORE), "h2load", "-t1", `-c${options.connections}`, `-m${STREAMS}`];
  // Windows of the size that browsers use: with the protocol's own 64 KiB the round trips would be measured, not the server.
  command.push("-w24", "-W24", `-D${options.seconds}`);
  for (const header of options.headers) command.push("-H", header);
  const child = Bun.spawn([...command, options.url], { stdout: "pipe", stderr: "pipe", signal });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  signal.throwIfAborted();
  return parseHttp2Load(output + errors, options);
}

/** Reads what h2load writes at its end. Latencies are not given by percentile: both are its mean. */
export function parseHttp2Load(output: string, { url, seconds }: Pick<LoadOptions, "url" | "seconds">): LoadResult {
  const requests = /requests: (\d+) total, .* (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(output);
  const statuses = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output);
  const traffic = /traffic: .*?\((\d+)\) total/.exec(output);
  if (requests === null || statuses === null || traffic === null) throw failed(url, output.trim().slice(0, 500));
  const bad = Number(statuses[2]) + Number(statuses[3]) + Number(statuses[4]) + Number(requests[4]);
  if (bad > 0) throw failed(url, `${bad} requests got an error or a status that is not 2xx`);
  const meanMs = meanMsOf(/time for request:\s+\S+\s+\S+\s+(\d+(?:\.\d+)?)(us|ms|s)/.exec(output));
  return {
    requestsPerSecond: Number(statuses[1]) / seconds,
    bytesPerSecond: Number(traffic[1]) / seconds,
    p50Ms: meanMs,
    p99Ms: meanMs,
  };
}

const MS_OF = { us: 0.001, ms: 1, s: 1000 } as const;

function meanMsOf(match: RegExpExecArray | null): number {
  return match === null ? Number.NaN : Number(match[1]) * MS_OF[match[2] as keyof typeof MS_OF];
}

function failed(url: string, found: string): NesonError {
  return new NesonError("load-failed", `HTTP/2 load on ${url.slice(0, 100)} failed: ${found}`, { fault: "peer" });
}
