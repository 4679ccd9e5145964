import { join } from "node:path";
import { answers, SERVER_CORE, type StartedProcess, startPinned } from "./processes.ts";

const CLI = join(import.meta.dir, "../../packages/cli/main.ts");

/**
 * Starts a Router or a Terminal as its operator would, pinned to the server core.
 * @param answersAt a URL at which it answers once it is up
 */
export function startService(
  role: "router" | "terminal",
  flags: Record<string, string | number | true>,
  { answersAt, signal }: { answersAt: string; signal: AbortSignal },
): Promise<StartedProcess> {
  const command = [process.execPath, CLI, role, "run"];
  for (const [flag, value] of Object.entries(flags)) command.push(flag, ...(value === true ? [] : [String(value)]));
  return startPinned(`the ${role}`, { core: SERVER_CORE, command, isReady: () => answers(answersAt), signal });
}
