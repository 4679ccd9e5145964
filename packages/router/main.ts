import { readEnvironment, readOptions } from "@neson/kit/config";
import { type RunOptions, runService } from "@neson/kit/lifecycle";
import { routerOptions } from "./config.ts";
import { startRouter } from "./router.ts";

/** Runs a Router as this process until it is told to stop. Never returns: it ends the process. */
export function runRouter(flags: Record<string, unknown>, options: RunOptions = {}): Promise<never> {
  return runService(() => startRouter(readOptions(routerOptions, { flags, env: readEnvironment() })), options);
}
