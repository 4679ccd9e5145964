import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { lockDirectory } from "@neson/kit/files";
import { type AdminClient, openAdminClient, type RouterStatus } from "../admin-client.ts";
import { Child } from "./child.ts";
import { freePort, type TerminalHost, terminalHosts } from "./hosts.ts";
import { openPorts, type Ports } from "./ports.ts";
import { warmVideo } from "./warm.ts";

const SITE_NAME = "site";
const ALL_JOINED_WITHIN_MS = 20_000;
const JOIN_POLL_MS = 50;

/** What the local network is made of. */
export interface NetworkOptions {
  /** Absolute. */
  dataDir: string;
  /** Port of the site; 0 takes a free one. */
  port: number;
  terminals: number;
  /** The website to accelerate; without one, the demo site. */
  origin: string | undefined;
}

/** What the ready file says. */
export interface NetworkFacts {
  site: string;
  router: string;
  terminals: string[];
  /** The Terminals' own pages, in the same order. */
  panels: string[];
  pids: { router: number; terminals: number[]; origin?: number };
}

/** A running local network. */
export interface Network extends AsyncDisposable {
  facts(): NetworkFacts;
  status(): Promise<RouterStatus>;
}

/** What starting a network needs. */
export interface NetworkDeps {
  clock: Clock;
  /** One line for the person who watches. */
  say: (line: string) => void;
  /** A child was restarted: its process id changed. */
  changed: () => void;
  /** Breaks off a start that is still under way. */
  signal: AbortSignal;
}

/**
 * Starts one Router, its Terminals and (without an origin) the demo site, each in a process of its own, and puts the site behind
 * the network. Resolves once every Terminal has joined.
 *
 * @throws NesonError (operator) when a port is taken or a part does not start; what had started is stopped again
 */
export async function startNetwork(options: NetworkOptions, deps: NetworkDeps): Promise<Network> {
  await using parts = new AsyncDisposableStack();
  const { dataDir } = options;
  await makeDirectories(dataDir);
  parts.use(lockDirectory(dataDir));
  const sitePort = await claimSitePort(options.port);
  const chosen = await openPorts(join(dataDir, "ports.json"));
  const controlPort = await chosen.choose("control", "127.0.0.1");
  const controlUrl = `http://127.0.0.1:${controlPort}`;
  const services: Child[] = [];
  const terminals: Child[] = [];
  parts.defer(() => stopAll(services));
  // Terminals stop first: their last claims go to a Router that still listens.
  parts.defer(() => stopAll(terminals));
  const begin = (group: Child[], name: string, args: string[]): Child => {
    const file = name.toLowerCase().replace(" ", "-");
    const readyFile = join(dataDir, "run", `${file}.json`);
    const child = new Child(
      { name, args, readyFile, logFile: join(dataDir, "logs", `${file}.log`) },
      { ...deps, restarted: deps.changed },
    );
    group.push(child);
    return child;
  };

  const demo =
    options.origin === undefined
      ? begin(services, "Demo site", demoArgs(await chosen.choose("demo", "127.0.0.1")))
      : undefined;
  const demoFacts = await demo?.start();
  const origin = options.origin ?? String(demoFacts?.url);
  const router = begin(services, "Router", routerArgs(dataDir, sitePort, controlPort));
  await router.start();
  const admin = await openAdminClient(join(dataDir, "router"));
  await admin.putSite({ name: SITE_NAME, hosts: ["localhost", "127.0.0.1"], origin, allowPrivateOrigin: true });

  const hosts = await terminalHosts(options.terminals);
  if (hosts[0]?.listen === "127.0.0.1")
    deps.say(`Terminals share 127.0.0.1 here, under names such as ${hosts[0].name}`);
  const places = await choosePlaces(hosts, chosen);
  for (const [index, place] of places.entries()) {
    begin(terminals, `Terminal ${index + 1}`, terminalArgs({ dataDir, index, controlUrl, ...place }));
  }
  await Promise.all(terminals.map((terminal) => terminal.start()));
  await allJoined(admin, options.terminals, deps);
  const site = `http://127.0.0.1:${sitePort}`;
  if (demo !== undefined) await warmVideo(site, deps.signal);

  const running = parts.move();
  return {
    facts: () => ({
      site,
      router: controlUrl,
      terminals: places.map(({ host, port }) => `http://${host.name}:${port}`),
      panels: places.map(({ panelPort }) => `http://127.0.0.1:${panelPort}`),
      pids: {
        router: router.pid,
        terminals: terminals.map((terminal) => terminal.pid),
        ...(demo === undefined ? {} : { origin: demo.pid }),
      },
    }),
    status: () => admin.status(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Where each Terminal serves viewers, and its operator. One after another, so that no two are given the same free port. */
async function choosePlaces(hosts: readonly TerminalHost[], chosen: Ports) {
  const places: { host: TerminalHost; port: number; panelPort: number }[] = [];
  for (const host of hosts) {
    const port = await chosen.choose(host.name, host.listen);
    places.push({ host, port, panelPort: await chosen.choose(`panel of ${host.name}`, "127.0.0.1") });
  }
  await chosen.save();
  return places;
}

async function makeDirectories(dataDir: string): Promise<void> {
  try {
    await mkdir(join(dataDir, "logs"), { recursive: true });
    await mkdir(join(dataDir, "run"), { recursive: true });
  } catch (cause) {
    const message = `option --data: found ${dataDir}, allowed: a directory that can be made and written`;
    throw new NesonError("data-unwritable", message, { fault: "operator", cause });
  }
}

async function stopAll(children: readonly Child[]): Promise<void> {
  await Promise.all(children.map((child) => child.stop()));
}

/** The site's port, free or chosen; a taken one is told with a way out. */
async function claimSitePort(port: number): Promise<number> {
  try {
    return await freePort("127.0.0.1", port);
  } catch {
    const message = `port ${port} of 127.0.0.1 is taken by another process; choose another with --port, or --port 0 for any free one`;
    throw new NesonError("port-in-use", message, { fault: "operator" });
  }
}

function demoArgs(port: number): string[] {
  return ["demo-origin", "--port", String(port)];
}

function routerArgs(dataDir: string, sitePort: number, controlPort: number): string[] {
  const ports = ["--listen-port", String(sitePort), "--control-port", String(controlPort)];
  return ["router", "run", "--data", join(dataDir, "router"), ...ports, "--allow-private-terminals"];
}

function terminalArgs(terminal: {
  dataDir: string;
  index: number;
  host: TerminalHost;
  port: number;
  panelPort: number;
  controlUrl: string;
}): string[] {
  const { dataDir, index, host, port, panelPort, controlUrl } = terminal;
  const place = [
    "--listen-host",
    host.listen,
    "--listen-port",
    String(port),
    "--endpoint",
    `http://${host.name}:${port}`,
    "--panel-port",
    String(panelPort),
  ];
  return ["terminal", "run", "--data", join(dataDir, `terminal-${index + 1}`), "--router", controlUrl, ...place];
}

async function allJoined(admin: AdminClient, count: number, { clock, signal }: NetworkDeps): Promise<void> {
  const deadlineMs = clock.nowMs() + ALL_JOINED_WITHIN_MS;
  for (;;) {
    const joined = (await admin.status()).terminals.length;
    if (joined >= count) return;
    if (clock.nowMs() > deadlineMs) {
      const message = `only ${joined} of ${count} Terminals joined the Router within ${ALL_JOINED_WITHIN_MS / 1000} s; their logs say why`;
      throw new NesonError("terminals-missing", message, { fault: "operator" });
    }
    await clock.sleep(JOIN_POLL_MS, signal);
  }
}
