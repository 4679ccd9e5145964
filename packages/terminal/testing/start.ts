import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import type { TerminalConfig } from "../config.ts";
import { FILL_LIMITS } from "../fill/fill.ts";
import { startTerminal, type Terminal } from "../terminal.ts";
import { FakeRouter, type FakeRouterOptions } from "./fake-router.ts";
import { temporaryDirectory } from "./temporary.ts";
import { until } from "./until.ts";

const TEST_LIMITS = { ...FILL_LIMITS, idleMs: 400, maxFailures: 3 };

/** A configuration for tests: loopback, a free port, small bounds. */
export function testConfig(dataDir: string, routerUrl: string, changes: Partial<TerminalConfig> = {}): TerminalConfig {
  return {
    dataDir,
    listenHost: "127.0.0.1",
    listenPort: 0,
    endpoint: undefined,
    routerUrl,
    routerKey: undefined,
    quotaBytes: 200 * 2 ** 20,
    memoryBytes: 64 * 2 ** 20,
    checkBytesPerSecond: 2 ** 30,
    ...changes,
  };
}

/** A Terminal in this process with a fake Router, connected. Disposing it stops both and removes their files. */
export async function startPair(options: FakeRouterOptions & { config?: Partial<TerminalConfig> } = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryDirectory());
  const dataDir = join(path, "data");
  const router = stack.use(new FakeRouter(options));
  let terminal = await start();
  stack.defer(() => terminal[Symbol.asyncDispose]());
  async function start(): Promise<Terminal> {
    const deps = {
      clock: systemClock,
      log: silentLog,
      random: Math.random,
      fillLimits: TEST_LIMITS,
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
