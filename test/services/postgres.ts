import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { pathOf } from "../needs.ts";

const READY_MS = 30_000;

/** A PostgreSQL server of a test's own, on 127.0.0.1. */
export interface PostgresServer extends AsyncDisposable {
  /** Of its first database. */
  url: string;
  port: number;
  /** Ends it, all connections with it. */
  stop(): Promise<void>;
  /** Starts it again on the same port, with what it held. */
  start(): Promise<void>;
}

/** Starts one in a directory of its own, gone with it; its databases compare text by the rules of English, so that code that relies on bytes shows. */
export async function startPostgres(): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), "neson-postgres-"));
  // The server refuses to run as root: it gets the account that its package made.
  await chmod(directory, 0o777);
  const data = join(directory, "data");
  const bin = dirname(pathOf("postgres") ?? "postgres");
  const init = [join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "neson", "-E", "UTF8", "--no-sync"];
  await run([...init, "--locale-provider=icu", "--icu-locale=en"]);
  const port = await freePort();
  const url = `postgres://neson@127.0.0.1:${port}/postgres`;
  let running: Running | undefined;
  const server: PostgresServer = {
    url,
    port,
    start: async () => {
      const settings = [
        "listen_addresses=127.0.0.1",
        `unix_socket_directories=${directory}`,
        "fsync=off",
        "max_connections=200",
      ];
      const options = ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])];
      running = launch([join(bin, "postgres"), ...options]);
      await ready(url, running);
    },
    stop: async () => {
      await running?.stop();
      running = undefined;
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

interface Running {
  output: () => string;
  ended: Promise<void>;
  stop(): Promise<void>;
}

/** Runs until told to stop, or until this process is gone: then its standard input ends. */
function launch(command: string[]): Running {
  const script = '"$@" </dev/null & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid';
  const child = spawn("sh", ["-c", script, "sh", ...asServerUser(command)], { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output = (output + chunk).slice(-5000);
    });
  }
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  return {
    ended,
    output: () => output,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

async function run(command: string[]): Promise<void> {
  const [program = "", ...args] = asServerUser(command);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => child.on("exit", resolve));
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${output.slice(-2000)}`);
}

function asServerUser(command: string[]): string[] {
  if (process.getuid?.() !== 0) return command;
  return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command];
}

async function ready(url: string, running: Running): Promise<void> {
  const endMs = performance.now() + READY_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (performance.now() > endMs) throw new Error(`PostgreSQL: ${error}\n${running.output()}`);
    }
    await Bun.sleep(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
