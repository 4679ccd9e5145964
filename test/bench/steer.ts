import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { bodyOf } from "./bodies.ts";
import { type Contender, type Effort, measureInTurn } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { startNginxRedirect } from "./peers.ts";
import { freePort, LOAD_CORE, startPinned } from "./processes.ts";
import { COMPARISON_HEAD, compareRuns, comparisonLines } from "./report.ts";
import { startService } from "./services.ts";

/** Terminals that the Router ranks. */
export const STEER_TERMINALS = 256;
const OBJECTS = 1000;
const OBJECT_BYTES = 4096;
const CONNECTIONS = 64;
const STEERED_WITHIN_MS = 20_000;
const HOT = "/hot.bin";
/** Fields that every server writes by itself. */
const OWN_FIELDS = new Set([
  "connection",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "location",
  "server",
]);

/**
 * A Router with many Terminals answering 307 (host, plan, ranking, tickets, mirrors) against a constant redirect of nginx.
 * @param directory an empty directory for all files of the run
 */
export async function benchSteer(
  options: { effort: Effort; directory: string; print: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  const { directory, effort, print } = options;
  const targets = Array.from({ length: OBJECTS }, (_, index) => `/object/${index}.bin`);
  const bodies = new Map([HOT, ...targets].map((target) => [target, bodyOf(target, OBJECT_BYTES)]));
  await using parts = new AsyncDisposableStack();
  const origin = parts.use(startOrigin(bodies));
  const router = await startRouter(origin.url, directory, signal, parts);
  const answer = await steerAll(router.url, [...bodies.keys()], signal);
  const nginx = parts.use(await startNginxRedirect(answer, { directory: join(directory, "nginx"), signal }));
  const targetsFile = join(directory, "targets.txt");
  await writeFile(targetsFile, `${targets.join("\n")}\n`);
  const pulled = origin.requests();
  print(COMPARISON_HEAD);
  for (const [label, file] of [
    ["one hot object", undefined],
    [`${OBJECTS} objects in turn`, targetsFile],
  ] as const) {
    const load = (url: string): Contender["load"] => ({
      url: url + HOT,
      connections: CONNECTIONS,
      headers: [],
      targetsFile: file,
    });
    const contenders = [
      { name: "Router", pid: router.pid, load: load(router.url) },
      { name: nginx.name, pid: nginx.pid, load: load(nginx.url) },
    ];
    const runs = await measureInTurn(contenders, effort, signal);
    for (const line of comparisonLines(label, compareRuns(runs, "requests"), ">= 0.5x")) print(line);
  }
  await steerAll(router.url, [HOT, ...targets.slice(0, 10)], signal);
  if (origin.requests() !== pulled) throw failed(`${origin.requests() - pulled} requests went to the origin`);
}

/** A real Router with its Terminals; gives its process and its public URL. */
async function startRouter(
  originUrl: string,
  directory: string,
  signal: AbortSignal,
  parts: AsyncDisposableStack,
): Promise<{ pid: number; url: string }> {
  await mkdir(directory, { recursive: true });
  const rules = [{ deliver: "redirect" }];
  const site = { name: "bench", hosts: ["127.0.0.1"], origin: originUrl, allowPrivateOrigin: true, rules };
  const sitesFile = join(directory, "sites.json");
  await writeFile(sitesFile, JSON.stringify({ sites: [site] }));
  const [port, controlPort, terminalPort] = [freePort(), freePort(), freePort()];
  const controlUrl = `http://127.0.0.1:${controlPort}`;
  const flags = {
    "--data": join(directory, "router"),
    "--listen-port": port,
    "--control-port": controlPort,
    "--sites": sitesFile,
    "--allow-private-terminals": true as const,
    // One address asks for everything.
    "--max-requests-per-second": 10_000_000,
    "--log-level": "warn",
  };
  const { pid } = parts.use(await startService("router", flags, { answersAt: `${controlUrl}/`, signal }));
  const script = join(import.meta.dir, "stand-in-terminals.ts");
  const command = [process.execPath, script, controlUrl, String(STEER_TERMINALS), String(terminalPort)];
  const isReady = () => isOk(`http://127.1.0.1:${terminalPort}/ready`);
  parts.use(await startPinned("the Terminals", { core: LOAD_CORE, command, isReady, signal }));
  return { pid, url: `http://127.0.0.1:${port}` };
}

async function isOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status === 200;
  } catch {
    return false;
  }
}

/** Asks for each target until it is steered, and gives the fields of the last such answer. */
async function steerAll(
  routerUrl: string,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<{ location: string; fields: [string, string][] }> {
  const deadlineMs = Date.now() + STEERED_WITHIN_MS;
  let steered: Response | undefined;
  for (const target of targets) {
    steered = await fetch(routerUrl + target, { redirect: "manual", signal });
    while (steered.status !== 307) {
      const body = await steered.arrayBuffer();
      if (Date.now() > deadlineMs)
        throw failed(`${target} is answered ${steered.status} with ${body.byteLength} bytes, not 307`);
      await Bun.sleep(10);
      steered = await fetch(routerUrl + target, { redirect: "manual", signal });
    }
  }
  const fields = [...(steered?.headers ?? [])].filter(([name]) => !OWN_FIELDS.has(name));
  return { location: steered?.headers.get("location") ?? "", fields };
}

function failed(found: string): NesonError {
  return new NesonError("bench-failed", `Comparing steering failed: ${found}`, { fault: "bug" });
}
