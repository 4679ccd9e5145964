import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AdminClient, openAdminClient } from "../../packages/cli/admin-client.ts";

/** The repository. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MAIN = join(ROOT, "packages/cli/main.ts");
const BUN = process.execPath;

/** What `--ready-file` says. */
export interface Facts {
  site: string;
  router: string;
  terminals: string[];
  pids: { router: number; terminals: number[]; origin?: number };
}

/** Waits until `check` gives something other than undefined or false; fails loudly at the deadline. */
export async function until<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await Bun.sleep(20);
  }
}

/** A directory that is removed when disposed. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "neson-e2e-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs one `neson` command to its end. */
export async function neson(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const child = Bun.spawn([BUN, MAIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...process.env, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

/** A service in a process of its own, stopped (and then ended) when disposed. */
export class Running implements AsyncDisposable {
  readonly process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly readyFile: string;
  output = "";
  readonly #stopsByCtrlC: boolean;

  /** @param options.stopsByCtrlC stop it as a terminal does: SIGINT to all of its process group, npm and shell included */
  constructor(command: string[], readyFile: string, options: { stopsByCtrlC?: boolean } = {}) {
    this.readyFile = readyFile;
    this.#stopsByCtrlC = options.stopsByCtrlC === true;
    this.process = Bun.spawn(command, {
      cwd: ROOT,
      // Closes when this process ends, however it ends, and with it what was started here.
      env: { ...process.env, NESON_STOP_WITH_PARENT: "1" },
      stdio: ["pipe", "pipe", "pipe"],
      detached: this.#stopsByCtrlC,
    });
    for (const stream of [this.process.stdout, this.process.stderr]) void this.#collect(stream);
  }

  /** The ready file's content, once it is there. */
  ready<T>(deadlineMs = 60_000): Promise<T> {
    return until(
      `${this.readyFile} (output so far: ${this.output})`,
      async () => {
        if (this.process.exitCode !== null) throw new Error(`ended with ${this.process.exitCode}: ${this.output}`);
        const text = await readFile(this.readyFile, "utf8").catch(() => undefined);
        return text === undefined ? undefined : (JSON.parse(text) as T);
      },
      deadlineMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.#askToStop();
    const timer = setTimeout(() => this.process.kill("SIGKILL"), 15_000);
    await this.process.exited;
    clearTimeout(timer);
  }

  #askToStop(): void {
    if (this.#stopsByCtrlC) process.kill(-this.process.pid, "SIGINT");
    else this.process.kill("SIGTERM");
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.output += new TextDecoder().decode(chunk);
  }
}

/** Starts any long-running `neson` command that takes `--ready-file`. */
export function start(args: string[], readyFile: string): Running {
  return new Running([BUN, MAIN, ...args, "--ready-file", readyFile], readyFile);
}

/** A local network as `neson up` runs it, with its data in a temporary directory. */
export interface TestNetwork extends AsyncDisposable {
  facts: Facts;
  dataDir: string;
  admin: AdminClient;
  up: Running;
  /** Reads the ready file again, as after a child was restarted. */
  readFacts(): Promise<Facts>;
}

/** Starts `neson up` on free ports; `viaNpm` goes through `npm start`, as a person would. */
export async function startNetwork(
  options: { origin?: string; terminals?: number; viaNpm?: boolean } = {},
): Promise<TestNetwork> {
  await using parts = new AsyncDisposableStack();
  const directory = parts.use(await temporaryDirectory());
  const readyFile = join(directory.path, "ready.json");
  const dataDir = join(directory.path, "data");
  const args = ["--port", "0", "--data", dataDir, "--ready-file", readyFile];
  if (options.origin !== undefined) args.push("--origin", options.origin);
  if (options.terminals !== undefined) args.push("--terminals", String(options.terminals));
  const command = options.viaNpm ? ["npm", "start", "--silent", "--", ...args] : [BUN, MAIN, "up", ...args];
  const up = parts.use(new Running(command, readyFile, { stopsByCtrlC: options.viaNpm === true }));
  const facts = await up.ready<Facts>();
  const admin = await openAdminClient(join(dataDir, "router"));
  const running = parts.move();
  return {
    facts,
    dataDir,
    admin,
    up,
    readFacts: async () => JSON.parse(await readFile(readyFile, "utf8")) as Facts,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** True while a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
