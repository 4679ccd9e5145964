import { rmSync } from "node:fs";
import { readEnvironment } from "./config.ts";
import { describeError, NesonError } from "./error.ts";
import { writeFileAtomic } from "./files.ts";

/** Something running that can be stopped. Disposing twice is harmless. */
export interface Service extends AsyncDisposable {}

/** A started service and the facts its ready file tells. */
export type ReadyService = Service & {
  ready: object;
  /** Resolves when the service wants to end by itself; absent for one that runs until it is stopped. */
  ended?: Promise<void>;
};

/** Options of `runService`. */
export interface RunOptions {
  /** JSON of `ready` is written here once the service serves, and removed when it stops. */
  readyFile?: string | undefined;
  /** Stop when standard input ends, so that a child never outlives its parent. Default: NESON_STOP_WITH_PARENT is 1. */
  stopWithParent?: boolean | undefined;
}

/**
 * Runs a service as the whole process and never returns before it is over; for main files only. SIGINT, SIGTERM or the parent's end stop it in order and
 * exit 0; a second signal exits 130 at once. A start that fails through the operator's or caller's fault prints one line
 * and exits 2; any other failure exits 1.
 */
export async function runService(
  start: (signal: AbortSignal) => Promise<ReadyService>,
  options: RunOptions = {},
): Promise<never> {
  const stopping = new AbortController();
  onStopRequest(options.stopWithParent ?? readEnvironment().NESON_STOP_WITH_PARENT === "1", () => stopping.abort());
  try {
    const service = await start(stopping.signal);
    await whileReady(service, options.readyFile, stopping.signal);
    await service[Symbol.asyncDispose]();
  } catch (error) {
    // A start broken off by the signal is a clean stop.
    if (!stopping.signal.aborted || error !== stopping.signal.reason) process.exit(reportFailure(error));
  }
  process.exit(0);
}

async function whileReady(service: ReadyService, readyFile: string | undefined, signal: AbortSignal): Promise<void> {
  const over = Promise.race([aborted(signal), service.ended ?? new Promise<never>(() => {})]);
  if (readyFile === undefined) return over;
  try {
    await writeFileAtomic(readyFile, `${JSON.stringify(service.ready, null, 2)}\n`);
  } catch (cause) {
    await service[Symbol.asyncDispose]();
    const message = `cannot write ready file ${readyFile}; its directory must exist and be writable`;
    throw new NesonError("ready-file-unwritable", message, { fault: "operator", cause });
  }
  await over;
  rmSync(readyFile, { force: true });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function onStopRequest(withParent: boolean, stop: () => void): void {
  let signals = 0;
  const onSignal = () => {
    signals++;
    if (signals > 1) process.exit(130);
    stop();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  if (!withParent) return;
  process.stdin.on("end", stop);
  process.stdin.on("close", stop);
  process.stdin.on("error", stop);
  process.stdin.resume();
}

/** Prints why the process ends and gives its exit code. */
function reportFailure(error: unknown): number {
  if (error instanceof NesonError && (error.fault === "operator" || error.fault === "caller")) {
    process.stderr.write(`neson: ${describeError(error)}\n`);
    return 2;
  }
  process.stderr.write(`neson: failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
