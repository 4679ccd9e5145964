import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { bodyOf } from "./bodies.ts";
import type { CertificateFiles } from "./certificate.ts";
import { compareRows, type Row, type Server, serverOf } from "./compare-rows.ts";
import type { Effort } from "./measure.ts";
import { originFields, startOrigin } from "./origin.ts";
import type { Peer } from "./peers.ts";
import { freePort } from "./processes.ts";
import { startService } from "./services.ts";
import { type StandInRouter, startStandInRouter } from "./stand-in-router.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const STORED_WITHIN_MS = 60_000;
/** Inside the large body, across piece borders. */
const RANGE_FIRST = 50 * MIB + 12_345;

/** What the targets name for Terminals, over plain HTTP. */
export const ROWS: readonly Row[] = [
  { label: "1 KiB", target: "/1k.bin", size: KIB, connections: 64, unit: "requests", wanted: ">= 1.0x the best" },
  { label: "64 KiB", target: "/64k.bin", size: 64 * KIB, connections: 32, unit: "requests", wanted: ">= 1.0x nginx" },
  { label: "1 MiB", target: "/large/1m.bin", size: MIB, connections: 16, unit: "bytes", wanted: ">= 1.0x nginx" },
  {
    label: "100 MiB",
    target: "/large/100m.bin",
    size: 100 * MIB,
    connections: 8,
    unit: "bytes",
    wanted: ">= 1.0x nginx",
  },
  {
    label: "Range 1 MiB inside 100 MiB",
    target: "/large/100m.bin",
    size: 100 * MIB,
    connections: 16,
    unit: "bytes",
    range: { first: RANGE_FIRST, last: RANGE_FIRST + MIB - 1 },
    wanted: ">= 1.0x nginx",
  },
];

/** A Terminal that holds everything, with everything on, and the origin that peers fill from. */
export interface HitStage {
  originUrl: string;
  originPort: number;
  terminal: Server;
  /** Measures the Terminal beside peers, row by row, and prints the ratios. */
  compare(
    rows: readonly Row[],
    peers: readonly Peer[],
    options: { effort: Effort; print: (line: string) => void; isHttp2?: boolean },
  ): Promise<void>;
  /** @throws NesonError `bench-failed` when the Terminal claimed nothing */
  requireClaims(): void;
}

/** @param options.directory an empty directory for the Terminal's files */
export async function openHitStage(
  options: { directory: string; certificate?: CertificateFiles },
  signal: AbortSignal,
  parts: AsyncDisposableStack,
): Promise<HitStage> {
  const bodies = new Map(ROWS.map(({ target, size }) => [target, bodyOf(target, size)]));
  const origin = parts.use(startOrigin(bodies));
  const router = parts.use(startStandInRouter(bodies, originFields));
  const terminal = await startTerminal(router, options, signal, parts);
  await waitForStored(router, bodies.size, signal);
  return {
    originUrl: origin.url,
    originPort: origin.port,
    terminal,
    compare: async (rows, peers, { effort, print, isHttp2 = false }) => {
      const servers = [terminal, ...peers.map(serverOf)];
      await compareRows(rows, servers, { bodies, origin, effort, print, isHttp2 }, signal);
    },
    requireClaims: () => {
      if (router.claimedBytes() === 0) throw failed("the Terminal claimed nothing: it did not run with everything on");
    },
  };
}

async function startTerminal(
  router: StandInRouter,
  { directory, certificate }: { directory: string; certificate?: CertificateFiles },
  signal: AbortSignal,
  parts: AsyncDisposableStack,
): Promise<Server> {
  const port = freePort();
  const url = `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  const flags = {
    "--data": join(directory, "terminal"),
    "--listen-port": port,
    "--endpoint": url,
    "--router": router.url,
    "--panel-port": 0,
    // One machine asks for everything here.
    "--max-requests-per-second": 10_000_000,
    "--free-repeats": 1_000_000_000,
    "--log-level": "warn",
    ...(certificate === undefined ? {} : { "--tls-cert": certificate.certFile, "--tls-key": certificate.keyFile }),
  };
  const { pid } = parts.use(await startService("terminal", flags, { answersAt: `${url}/`, signal }));
  const paths = new Map<string, string>();
  return {
    name: "Terminal",
    pid,
    urlOf: (target) => {
      const path = paths.get(target) ?? router.ticketPath(target);
      paths.set(target, path);
      return url + path;
    },
  };
}

async function waitForStored(router: StandInRouter, count: number, signal: AbortSignal): Promise<void> {
  const deadlineMs = Date.now() + STORED_WITHIN_MS;
  while (router.storedCount() < count) {
    signal.throwIfAborted();
    if (Date.now() > deadlineMs)
      throw failed(`the Terminal stored ${router.storedCount()} of ${count} objects in ${STORED_WITHIN_MS} ms`);
    await Bun.sleep(50);
  }
}

function failed(found: string): NesonError {
  return new NesonError("bench-failed", `Comparing hits failed: ${found}`, { fault: "bug" });
}
