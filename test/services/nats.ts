import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathOf } from "../needs.ts";

const READY_MS = 20_000;

/** A NATS server with JetStream of a test's own, on 127.0.0.1. */
export interface NatsServer extends AsyncDisposable {
  url: string;
  /** Ends it as a crash would. */
  stop(): Promise<void>;
  /** Starts it again on the same port, with the streams that it kept. */
  start(): Promise<void>;
}

/** Starts one in a directory of its own, gone with it. */
export async function startNats(): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), "neson-nats-"));
  const port = await freePort();
  let running: { stop(): Promise<void>; output: () => string } | undefined;
  const server: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    start: async () => {
      running = launch(["-js", "-sd", directory, "-a", "127.0.0.1", "-p", String(port)]);
      const endMs = performance.now() + READY_MS;
      while (!(await isListening(port))) {
        if (performance.now() > endMs) throw new Error(`nats-server did not start: ${running.output()}`);
        await Bun.sleep(20);
      }
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

/** Runs until told to stop, or until this process is gone: then its standard input ends. */
function launch(args: string[]) {
  const script = '"$@" </dev/null & pid=$!; cat >/dev/null; kill -KILL $pid; wait $pid 2>/dev/null';
  const command = ["-c", script, "sh", pathOf("nats-server") ?? "nats-server", ...args];
  const child = spawn("sh", command, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output = (output + chunk).slice(-5000);
    });
  }
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  return {
    output: () => output,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    // It speaks first, once it is ready to be spoken to.
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
