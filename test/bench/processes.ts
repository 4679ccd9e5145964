import { NesonError } from "@neson/kit/error";

/** The core that the server under test has to itself. */
export const SERVER_CORE = 0;
/** The core of the load generator and of everything that only waits. */
export const LOAD_CORE = 1;

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;
const MAX_KEPT_OUTPUT = 2_000;

/** A process that this run started, and stops. */
export interface StartedProcess extends AsyncDisposable {
  pid: number;
}

/**
 * Starts a process pinned to one core and waits until `isReady` holds.
 * @throws NesonError `server-failed` when it ends first or is not ready in time, with the end of what it wrote
 */
export async function startPinned(
  name: string,
  options: { core: number; command: string[]; isReady: () => Promise<boolean> | boolean; signal: AbortSignal },
): Promise<StartedProcess> {
  const child = Bun.spawn(["taskset", "-c", String(options.core), ...options.command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = { text: "" };
  void keepOutput(child.stdout, output);
  void keepOutput(child.stderr, output);
  const started = { pid: child.pid, [Symbol.asyncDispose]: () => stop(child) };
  try {
    const deadlineMs = Date.now() + READY_WITHIN_MS;
    while (!(await options.isReady())) {
      options.signal.throwIfAborted();
      if (child.exitCode !== null) throw failed(name, `it ended with code ${child.exitCode}`, output.text);
      if (Date.now() > deadlineMs) throw failed(name, `it was not ready after ${READY_WITHIN_MS} ms`, output.text);
      await Bun.sleep(50);
    }
    return started;
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** Whether something accepts HTTP connections there. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(1_000),
      tls: { rejectUnauthorized: false },
    });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** A loopback port that is free now, for a server that cannot choose one itself. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  probe.stop(true);
  return probe.port;
}

async function keepOutput(stream: ReadableStream<Uint8Array>, kept: { text: string }): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) kept.text = (kept.text + decoder.decode(chunk)).slice(-MAX_KEPT_OUTPUT);
}

async function stop(child: Bun.Subprocess): Promise<void> {
  if (child.exitCode === null) child.kill("SIGTERM");
  const killing = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  await child.exited;
  clearTimeout(killing);
}

function failed(name: string, found: string, output: string): NesonError {
  return new NesonError("server-failed", `Starting ${name} failed: ${found}. It wrote: ${output.trim() || "nothing"}`, {
    fault: "peer",
  });
}
