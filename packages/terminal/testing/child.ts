import { rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "./until.ts";

/** A Terminal process of its own. */
export interface Child extends AsyncDisposable {
  url: string;
  terminalId: string;
  pid: number;
  /** Ends it with SIGKILL, in the middle of whatever it does. */
  kill(): Promise<void>;
}

const MAIN = join(import.meta.dir, "..", "main.ts");

/** Spawns a Terminal and waits until it serves. It ends with this process, whatever becomes of that. */
export async function spawnTerminal(flags: Record<string, string>): Promise<Child> {
  const readyFile = `${flags.data}.ready.json`;
  rmSync(readyFile, { force: true });
  const code = `import { runTerminal } from ${JSON.stringify(MAIN)};
await runTerminal(${JSON.stringify({ panelPort: "0", ...flags })}, { readyFile: ${JSON.stringify(readyFile)}, stopWithParent: true });`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdin: "pipe", stdout: "ignore", stderr: "pipe" });
  const kill = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  await until("the Terminal is ready, or over", () => child.exitCode !== null || Bun.file(readyFile).size > 0, 20_000);
  if (child.exitCode !== null) throw new Error(`the Terminal ended: ${await new Response(child.stderr).text()}`);
  const { url, terminalId } = (await Bun.file(readyFile).json()) as { url: string; terminalId: string };
  return { url, terminalId, pid: child.pid, kill, [Symbol.asyncDispose]: kill };
}
