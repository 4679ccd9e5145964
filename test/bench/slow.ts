import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import type { Server } from "./compare-rows.ts";
import { openHitStage, ROWS } from "./hit-stage.ts";
import type { Effort } from "./measure.ts";
import { residentBytes } from "./memory.ts";
import { startNginxCache } from "./peers.ts";

const DOWNLOADS = 200;
/** Each slow client takes so much, so often. */
const SIP_BYTES = 64 * 1024;
const SIP_EVERY_MS = 500;
const SETTLE_MS = 6000;
const SAMPLE_MS = 250;
const MIB = 1024 * 1024;

/**
 * Resident memory, idle and with 200 slow downloads of 100 MiB open, of a Terminal and of nginx.
 * @param directory an empty directory for all files of the run
 */
export async function benchSlow(
  { effort, directory, print }: { effort: Effort; directory: string; print: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const stage = await openHitStage({ directory }, signal, parts);
  const own = { directory: join(directory, "nginx"), signal };
  const nginx = parts.use(await startNginxCache(stage.originUrl, "plain", own));
  const large = ROWS.find(({ label }) => label === "100 MiB");
  if (large === undefined) throw new Error("no row of 100 MiB");
  const target = large.target;
  // nginx's cache is filled first, so that it serves from its disk too.
  await (await fetch(nginx.url + target, { signal })).arrayBuffer();
  print(`${"".padEnd(12)} ${"idle".padEnd(12)} ${`${DOWNLOADS} slow downloads`.padEnd(20)} must reach`);
  const wanted: [Server, string][] = [
    [stage.terminal, "idle < 120 MB, downloads < +60 MB"],
    [{ name: nginx.name, pid: nginx.pid, urlOf: (path) => nginx.url + path }, ""],
  ];
  for (const [server, must] of wanted) {
    await Bun.sleep(SETTLE_MS);
    const idle = await residentBytes(server.pid);
    const most = await peakWhileSipping(server, target, effort.seconds, signal);
    const cells = [server.name.padEnd(12), `${mib(idle)} MiB`.padEnd(12), `+${mib(most - idle)} MiB`.padEnd(20), must];
    print(cells.join(" ").trimEnd());
  }
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

async function peakWhileSipping(server: Server, target: string, seconds: number, signal: AbortSignal): Promise<number> {
  const url = new URL(server.urlOf(target));
  const sockets: Socket[] = [];
  const state = { begun: 0, broken: 0 };
  try {
    for (let i = 0; i < DOWNLOADS; i++) sockets.push(sip(url, state));
    let most = 0;
    const endMs = Date.now() + Math.max(5, seconds) * 1000;
    while (Date.now() < endMs) {
      signal.throwIfAborted();
      most = Math.max(most, await residentBytes(server.pid));
      await Bun.sleep(SAMPLE_MS);
    }
    if (state.begun < DOWNLOADS || state.broken > 0) {
      const found = `${state.begun} of ${DOWNLOADS} downloads began, ${state.broken} broke`;
      throw new NesonError("load-failed", `Slow downloads from ${server.name} failed: ${found}`, { fault: "peer" });
    }
    return most;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** A client on a slow line: reads a sip, waits, and reads the next. */
function sip(url: URL, state: { begun: number; broken: number }): Socket {
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  let sipped = 0;
  let isDone = false;
  socket.on("error", () => {
    if (!isDone) state.broken++;
  });
  socket.on("close", () => {
    isDone = true;
  });
  socket.once("data", (chunk) => {
    if (chunk.toString("latin1", 0, 12) === "HTTP/1.1 200") state.begun++;
  });
  socket.on("data", (chunk) => {
    sipped += chunk.length;
    if (sipped < SIP_BYTES) return;
    sipped = 0;
    socket.pause();
    setTimeout(() => {
      if (!socket.destroyed) socket.resume();
    }, SIP_EVERY_MS);
  });
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  return socket;
}
