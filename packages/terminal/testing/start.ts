import { join } from "node:path";
import { type Clock, systemClock } from "@neson/kit/clock";
import { readOptions } from "@neson/kit/config";
import { type Log, silentLog } from "@neson/kit/log";
import { type TerminalConfig, terminalOptions } from "../config.ts";
import { FILL_LIMITS, type FillLimits } from "../fill/fill.ts";
import { startTerminal, type Terminal } from "../terminal.ts";
import { FakeRouter, type FakeRouterOptions } from "./fake-router.ts";
import { temporaryDirectory } from "./temporary.ts";
import { until } from "./until.ts";

const TEST_LIMITS = { ...FILL_LIMITS, idleMs: 400, maxFailures: 3 };

/** A configuration for tests: loopback, free ports, small bounds, for the rest what an operator gets without a word. */
export function testConfig(dataDir: string, routerUrl: string, changes: Partial<TerminalConfig> = {}): TerminalConfig {
  const { logLevel: _logLevel, ...defaults } = readOptions(terminalOptions, { flags: {}, env: {} });
  return {
    ...defaults,
    dataDir,
    routerUrls: [routerUrl],
    listenPort: 0,
    panelPort: 0,
    quotaBytes: 200 * 2 ** 20,
    memoryBytes: 64 * 2 ** 20,
    checkBytesPerSecond: 2 ** 30,
    ...changes,
  };
}

/** How a pair differs from the usual one. */
export interface PairOptions extends FakeRouterOptions {
  config?: Partial<TerminalConfig>;
  limits?: Partial<FillLimits>;
  clock?: Clock;
  /** Instead of one that is removed at the end. */
  dataDir?: string;
  log?: Log;
}

/** A Terminal in this process with a fake Router, connected. Disposing it stops both and removes their files. */
export async function startPair(options: PairOptions = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryDirectory());
  const dataDir = options.dataDir ?? join(path, "data");
  const router = stack.use(new FakeRouter(options));
  let terminal = await start();
  stack.defer(() => terminal[Symbol.asyncDispose]());
  async function start(): Promise<Terminal> {
    const deps = {
      clock: options.clock ?? systemClock,
      log: options.log ?? silentLog,
      random: Math.random,
      fillLimits: { ...TEST_LIMITS, ...options.limits },
    };
    const started = await startTerminal(testConfig(dataDir, router.url, options.config), deps);
    await until("the Terminal is connected", () => started.isConnected());
    return started;
  }
  return {
    dataDir,
    router,
    get terminal() {
      return terminal;
    },
    get url() {
      return terminal.ready.url;
    },
    /** Stops the Terminal, lets `meanwhile` at its files, and starts it again. */
    async restart(meanwhile: () => void | Promise<void> = () => {}) {
      await terminal[Symbol.asyncDispose]();
      await meanwhile();
      terminal = await start();
    },
    get: (path: string, init: RequestInit = {}) => fetch(terminal.ready.url + path, { redirect: "manual", ...init }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
