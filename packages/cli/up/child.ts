import { closeSync, openSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "@neson/kit/clock";
import { readEnvironment } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
/** This very program: itself when it is built, else the runtime with the source. */
const NESON = [process.execPath, ...(Bun.isStandaloneExecutable ? [] : [MAIN])];
const READY_WITHIN_MS = 30_000;
const READY_POLL_MS = 25;
const RESTART_AFTER_MS = 2000;
const MAX_RESTART_AFTER_MS = 30_000;
/** A child that ran this long is healthy: its next failure starts the back-off anew. */
const HEALTHY_AFTER_MS = 60_000;
/** Two rounds of this (Terminals, then the rest) keep a stop under 5 s, however slow a viewer is. */
const STOP_WITHIN_MS = 2000;

/** One service of the local network, in a process of its own. */
export interface ChildOptions {
  /** For people: "Router", "Terminal 1". */
  name: string;
  /** Words after `neson`; the ready file is added. */
  args: string[];
  readyFile: string;
  /** Standard output and error are appended here. */
  logFile: string;
}

/** What a child needs from the one who runs it. */
export interface ChildDeps {
  clock: Clock;
  /** Called with one line whenever the child ended by itself, and again when it is back. */
  say: (line: string) => void;
  /** Called whenever the child serves again under a new process id. */
  restarted: () => void;
  /** Aborts a start that is still under way. */
  signal: AbortSignal;
}

/** Starts a service, restarts it when it dies, stops it when told to. */
export class Child {
  readonly #options: ChildOptions;
  readonly #deps: ChildDeps;
  #process: Bun.Subprocess<"pipe", number, number> | undefined;
  #stopping = false;
  #failures = 0;
  #supervising: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(options: ChildOptions, deps: ChildDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** True while the process runs. */
  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /**
   * Starts the service and gives the facts of its ready file once it serves.
   * @throws NesonError `child-failed` (operator) with the last line of its log
   */
  async start(): Promise<Record<string, unknown>> {
    const ready = await this.#launch();
    this.#supervising = this.#supervise();
    return ready;
  }

  /** Asks the service to stop, and ends it when it does not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stop.abort();
    const child = this.#process;
    if (child !== undefined && this.isRunning) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      await child.exited;
      clearTimeout(timer);
    }
    await this.#supervising;
  }

  async #launch(): Promise<Record<string, unknown>> {
    const { args, readyFile, logFile } = this.#options;
    await rm(readyFile, { force: true });
    const log = openSync(logFile, "a");
    const child = Bun.spawn([...NESON, ...args, "--ready-file", readyFile], {
      // The child stops when this pipe closes, so that none outlives a killed parent.
      stdin: "pipe",
      // Ctrl-C reaches this process alone, which then stops its children in order.
      detached: true,
      stdout: log,
      stderr: log,
      env: { ...readEnvironment(), NESON_STOP_WITH_PARENT: "1" },
    });
    closeSync(log);
    this.#process = child;
    const deadlineMs = this.#deps.clock.nowMs() + READY_WITHIN_MS;
    while (this.isRunning && this.#deps.clock.nowMs() < deadlineMs) {
      const ready = await readFile(readyFile, "utf8").catch(() => undefined);
      if (ready !== undefined) return JSON.parse(ready);
      await this.#deps.clock.sleep(READY_POLL_MS, this.#deps.signal);
    }
    child.kill("SIGKILL");
    throw await this.#failure();
  }

  async #failure(): Promise<NesonError> {
    const { name, logFile } = this.#options;
    const log = await readFile(logFile, "utf8").catch(() => "");
    const last = log.trimEnd().split("\n").at(-1) || "it wrote nothing";
    return new NesonError("child-failed", `starting the ${name} failed: ${last} (see ${nameForPeople(logFile)})`, {
      fault: "operator",
    });
  }

  async #supervise(): Promise<void> {
    const { clock, say, restarted } = this.#deps;
    while (!this.#stopping) {
      const startedAtMs = clock.nowMs();
      await this.#process?.exited;
      if (this.#stopping) return;
      if (clock.nowMs() - startedAtMs > HEALTHY_AFTER_MS) this.#failures = 0;
      const waitMs = Math.min(RESTART_AFTER_MS * 2 ** this.#failures, MAX_RESTART_AFTER_MS);
      this.#failures += 1;
      const { name, logFile } = this.#options;
      say(`${name} ended by itself; starting it again in ${waitMs / 1000} s (see ${nameForPeople(logFile)})`);
      await clock.sleep(waitMs, this.#stop.signal).catch(() => {});
      if (this.#stopping) return;
      try {
        await this.#launch();
        say(`${name} is back`);
        restarted();
      } catch (error) {
        say(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

/** A path as short as it can be written from here. */
function nameForPeople(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}
