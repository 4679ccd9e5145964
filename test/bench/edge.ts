import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bodyOf } from "./bodies.ts";
import { compareRows, type Row, serverOf } from "./compare-rows.ts";
import type { Effort } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { startNginxCache } from "./peers.ts";
import { freePort } from "./processes.ts";
import { startService } from "./services.ts";

const KIB = 1024;

/** What the targets name for the Router's own answers; the larger bodies are for information. */
const ROWS: readonly Row[] = [
  { label: "1 KiB", target: "/1k.bin", size: KIB, connections: 64, unit: "requests", wanted: ">= 0.7x nginx" },
  { label: "64 KiB", target: "/64k.bin", size: 64 * KIB, connections: 32, unit: "requests", wanted: "" },
  { label: "1 MiB", target: "/large/1m.bin", size: KIB * KIB, connections: 16, unit: "bytes", wanted: "" },
];

/**
 * A Router that answers from its own store, with every rule of RFC 9111 applied to each request, against nginx `proxy_cache`.
 * @param directory an empty directory for all files of the run
 */
export async function benchEdge(
  { effort, directory, print }: { effort: Effort; directory: string; print: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const bodies = new Map(ROWS.map(({ target, size }) => [target, bodyOf(target, size)]));
  const origin = parts.use(startOrigin(bodies));
  const router = await startRouter(origin.url, directory, signal, parts);
  const own = (name: string) => ({ directory: join(directory, name), signal });
  const peers = [
    parts.use(await startNginxCache(origin.url, "plain", own("nginx"))),
    parts.use(await startNginxCache(origin.url, "tuned", own("nginx-tuned"))),
  ];
  const servers = [router, ...peers.map(serverOf)];
  await compareRows(ROWS, servers, { bodies, origin, effort, print, isHttp2: false }, signal);
}

async function startRouter(originUrl: string, directory: string, signal: AbortSignal, parts: AsyncDisposableStack) {
  await mkdir(directory, { recursive: true });
  const rules = [{ deliver: "router" }];
  const site = { name: "bench", hosts: ["127.0.0.1"], origin: originUrl, allowPrivateOrigin: true, rules };
  const sitesFile = join(directory, "sites.json");
  await writeFile(sitesFile, JSON.stringify({ sites: [site] }));
  const [port, controlPort] = [freePort(), freePort()];
  const flags = {
    "--data": join(directory, "router"),
    "--listen-port": port,
    "--control-port": controlPort,
    "--sites": sitesFile,
    // One address asks for everything.
    "--max-requests-per-second": 10_000_000,
    "--log-level": "warn",
  };
  const answersAt = `http://127.0.0.1:${controlPort}/`;
  const { pid } = parts.use(await startService("router", flags, { answersAt, signal }));
  return { name: "Router", pid, urlOf: (target: string) => `http://127.0.0.1:${port}${target}` };
}
