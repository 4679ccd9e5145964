import { systemClock } from "@neson/kit/clock";
import { readEnvironment } from "@neson/kit/config";
import { type RunOptions, runService } from "@neson/kit/lifecycle";
import { createLog } from "@neson/kit/log";
import { readTerminalOptions } from "./config.ts";
import { startTerminal } from "./terminal.ts";

/** Options of `runTerminal`. */
export interface RunTerminalOptions extends RunOptions {
  /** Puts the announced version in this program's place, telling what it does; absent where the program cannot be replaced. */
  installUpdate?:
    | ((source: { dataDir: string; routerUrl: string }, say: (line: string) => void) => Promise<void>)
    | undefined;
}

/** Runs a Terminal as this process until it is told to stop. Never returns: it ends the process. */
export function runTerminal(flags: Record<string, unknown>, options: RunTerminalOptions = {}): Promise<never> {
  return runService(() => {
    const config = readTerminalOptions({ flags, env: readEnvironment() });
    const log = createLog({ name: "terminal", level: config.logLevel });
    const { installUpdate } = options;
    const install =
      installUpdate === undefined
        ? undefined
        : () => installUpdate({ dataDir: config.dataDir, routerUrl: config.routerUrls[0] }, (line) => log.info(line));
    return startTerminal(config, { clock: systemClock, log, random: Math.random, installUpdate: install });
  }, options);
}
