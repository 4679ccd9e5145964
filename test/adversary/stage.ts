import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type AdminClient, openAdminClient, type RouterStatus } from "../../packages/cli/admin-client.ts";
import { terminalHosts } from "../../packages/cli/up/hosts.ts";
import { type Running, start, temporaryDirectory, until } from "../e2e/network.ts";
import { noise, sha256Of, startOrigin, type TestOrigin } from "../e2e/origin.ts";

/** What a Terminal's ready file says, and the process behind it. */
export interface StageTerminal {
  url: string;
  terminalId: string;
  pid: number;
  running: Running;
}

/** A Router started by hand before an origin, with Terminals that are started one by one. */
export interface Stage extends AsyncDisposable {
  origin: TestOrigin;
  /** The site, as viewers open it: no slash at its end. */
  siteUrl: string;
  siteHost: string;
  controlUrl: string;
  routerPid: number;
  router: Running;
  routerDataDir: string;
  /** Removed with the stage. */
  directory: string;
  admin: AdminClient;
  /** Starts a Terminal and waits until the Router knows its room. `number` names its data directory and its host. */
  startTerminal(number: number, flags?: string[]): Promise<StageTerminal>;
  terminalDataDir(number: number): string;
  /** The directory entry of one Terminal as the Router sees it. */
  seen(terminalId: string): Promise<RouterStatus["terminals"][number] | undefined>;
  /** Puts a file of noise at the origin, has the Router pull it, and gives it back. */
  publish(path: string, size: number): Promise<{ url: string; bytes: Uint8Array; sha256: string }>;
}

/** Opens a stage; its site is called "site" and answers at 127.0.0.1. */
export async function openStage(options: { routerFlags?: string[] } = {}): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const { path: directory } = parts.use(await temporaryDirectory());
  const origin = parts.use(await startOrigin());
  const routerDataDir = join(directory, "router");
  const ports = ["--listen-port", "0", "--control-port", "0"];
  const flags = ["--data", routerDataDir, ...ports, "--allow-private-terminals", ...(options.routerFlags ?? [])];
  const router = parts.use(start(["router", "run", ...flags], join(directory, "router.json")));
  const { url, controlUrl, pid } = await router.ready<{ url: string; controlUrl: string; pid: number }>();
  const admin = await openAdminClient(routerDataDir);
  await admin.putSite({ name: "site", hosts: ["127.0.0.1"], origin: origin.url, allowPrivateOrigin: true });
  const seen = async (terminalId: string) => (await admin.status()).terminals.find(({ id }) => id === terminalId);
  const terminalDataDir = (number: number) => join(directory, `terminal-${number}`);
  const running = parts.move();
  return {
    origin,
    siteUrl: url,
    siteHost: new URL(url).host,
    controlUrl,
    routerPid: pid,
    router,
    routerDataDir,
    directory,
    admin,
    terminalDataDir,
    seen,
    startTerminal: async (number, flags = []) => {
      const listenHost = (await terminalHosts(number))[number - 1]?.listen ?? "127.0.0.1";
      const place = ["--listen-host", listenHost, ...(flags.includes("--listen-port") ? [] : ["--listen-port", "0"])];
      const data = ["--data", terminalDataDir(number), "--router", controlUrl];
      const readyFile = join(directory, `terminal-${number}-${randomBytes(4).toString("hex")}.json`);
      const args = [...data, ...place, "--panel-port", "0", ...flags];
      const terminal = running.use(start(["terminal", "run", ...args], readyFile));
      const facts = await terminal.ready<{ url: string; terminalId: string; pid: number }>();
      await until(`Terminal ${number} to report its room: ${terminal.output}`, async () => {
        return ((await seen(facts.terminalId))?.remainingBytes ?? 0) > 0;
      });
      return { ...facts, running: terminal };
    },
    publish: async (path, size) => {
      const bytes = noise(size, size);
      origin.files.set(path, { bytes, headers: PLAIN_FILE });
      const sha256 = sha256Of(bytes);
      const first = await fetch(url + path);
      if (sha256Of(await first.bytes()) !== sha256) throw new Error("the first GET gave other bytes than the origin");
      return { url: url + path, bytes, sha256 };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const PLAIN_FILE = ["Content-Type", "application/octet-stream", "Cache-Control", "max-age=3600"];

/** The URL with a ticket that the Router now sends a viewer to. */
export async function ticketedUrl(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: "manual" });
  await answer.body?.cancel();
  const location = answer.headers.get("location");
  if (answer.status !== 307 || location === null) throw new Error(`expected a 307 for ${url}, found ${answer.status}`);
  return location;
}

/** Waits until all bytes that Terminals sent are paid: the total stays the same over two rounds of claims. */
export async function settledPaidBytes(admin: AdminClient, roundMs = 2500): Promise<number> {
  let former = -1;
  let unchangedSinceMs = performance.now();
  return until("claims to settle", async () => {
    const { paidBytes } = (await admin.status()).meter;
    if (paidBytes !== former) {
      former = paidBytes;
      unchangedSinceMs = performance.now();
    }
    return performance.now() - unchangedSinceMs > roundMs ? { paidBytes } : undefined;
  }).then(({ paidBytes }) => paidBytes);
}
