/**
 * A Terminal as `neson terminal run` starts it, with what no operator's program has: a clock that is wrong, and no peace. Its one argument is JSON of
 * `Order`.
 */
import { type Clock, systemClock } from "@neson/kit/clock";
import { readEnvironment } from "@neson/kit/config";
import { type ReadyService, runService } from "@neson/kit/lifecycle";
import { createLog } from "@neson/kit/log";
import { readTerminalOptions, type TerminalConfig } from "@neson/terminal/config";
import { startTerminal, type Terminal, type TerminalDeps } from "@neson/terminal/terminal";

/** What is to be run. */
export interface Order {
  /** Flags without their hyphens, "listen-port". */
  flags: Record<string, string>;
  readyFile: string;
  /** Its clock is so much ahead. */
  clockOffsetMs: number;
  /** It leaves after so long, and joins again after as long, for ever; 0 for one that stays. */
  flapMs: number;
}

const order = JSON.parse(process.argv[2] ?? "") as Order;
await runService(
  async () => {
    const flags = Object.entries(order.flags).map(([name, value]) => [
      name.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase()),
      value,
    ]);
    const config = readTerminalOptions({ flags: Object.fromEntries(flags), env: readEnvironment() });
    const clock: Clock = { nowMs: () => systemClock.nowMs() + order.clockOffsetMs, sleep: systemClock.sleep };
    const deps = { clock, log: createLog({ name: "terminal", level: config.logLevel }), random: Math.random };
    return order.flapMs > 0 ? flap(config, deps, order.flapMs) : startTerminal(config, deps);
  },
  { readyFile: order.readyFile },
);

/** Starts it, and then stops and starts it by turns. */
async function flap(config: TerminalConfig, deps: TerminalDeps, flapMs: number): Promise<ReadyService> {
  const stopping = new AbortController();
  const pause = () => systemClock.sleep(flapMs, stopping.signal).catch(() => {});
  let running: Terminal | undefined = await startTerminal(config, deps);
  const { ready } = running;
  const turns = (async () => {
    while (!stopping.signal.aborted) {
      await pause();
      await running?.[Symbol.asyncDispose]();
      running = undefined;
      await pause();
      if (!stopping.signal.aborted) running = await startTerminal(config, deps);
    }
  })();
  return {
    ready,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await turns;
      await running?.[Symbol.asyncDispose]();
    },
  };
}
