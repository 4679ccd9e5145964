import { systemClock } from "@neson/kit/clock";
import { readEnvironment, readOptions } from "@neson/kit/config";
import { type RunOptions, runService } from "@neson/kit/lifecycle";
import { createLog } from "@neson/kit/log";
import { terminalOptions } from "./config.ts";
import { startTerminal } from "./terminal.ts";

/** Runs a Terminal as this process until it is told to stop. Never returns: it ends the process. */
export function runTerminal(flags: Record<string, unknown>, options: RunOptions = {}): Promise<never> {
  return runService(() => {
    const config = readOptions(terminalOptions, { flags, env: readEnvironment() });
    const log = createLog({ name: "terminal", level: config.logLevel });
    return startTerminal(config, { clock: systemClock, log, random: Math.random });
  }, options);
}
