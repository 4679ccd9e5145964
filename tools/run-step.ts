/** One command of the gate. */
export interface Step {
  name: string;
  command: string[];
  /** Pass the output through while it runs, instead of showing it only on failure. */
  showOutput?: boolean;
}

/** How a step ended. */
export interface StepResult {
  ok: boolean;
  /** Everything the command printed, when it was not passed through. */
  output: string;
  seconds: number;
}

/** Runs a step in `directory`. */
export async function runStep({ command, showOutput = false }: Step, directory: string): Promise<StepResult> {
  const startMs = performance.now();
  const stream = showOutput ? "inherit" : "pipe";
  const child = Bun.spawn(command, { cwd: directory, stdin: "ignore", stdout: stream, stderr: stream });
  const [out, err, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.exited]);
  return { ok: code === 0, output: out + err, seconds: (performance.now() - startMs) / 1000 };
}

/** "ok   tsc (types) 1.2 s". */
export function describeStep({ name }: Step, { ok, seconds }: StepResult): string {
  return `${ok ? "ok  " : "FAIL"} ${name} ${seconds.toFixed(1)} s`;
}

async function textOf(stream: ReadableStream<Uint8Array> | undefined): Promise<string> {
  return stream === undefined ? "" : await new Response(stream).text();
}
