import { createHash } from "node:crypto";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { bodyOf } from "./bodies.ts";
import type { CertificateFiles } from "./certificate.ts";
import { type Contender, type Effort, measureInTurn } from "./measure.ts";
import { originFields, startOrigin } from "./origin.ts";
import type { Peer } from "./peers.ts";
import { freePort } from "./processes.ts";
import { COMPARISON_HEAD, compareRuns, comparisonLines, type Unit } from "./report.ts";
import { startService } from "./services.ts";
import { type StandInRouter, startStandInRouter } from "./stand-in-router.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const STORED_WITHIN_MS = 60_000;
/** Inside the large body, across piece borders. */
const RANGE_FIRST = 50 * MIB + 12_345;

/** What is asked for, how, and what it must reach. */
export interface Row {
  label: string;
  target: string;
  size: number;
  connections: number;
  unit: Unit;
  /** A part of the body instead of all of it. */
  range?: { first: number; last: number };
  wanted: string;
}

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

/** A server and how its URL for a target is made. */
export interface Server {
  name: string;
  pid: number;
  urlOf: (target: string) => string;
}

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
      print(COMPARISON_HEAD);
      for (const row of rows) {
        await warm(row, servers, bodies, signal);
        const pulled = origin.requests();
        const runs = await measureInTurn(
          servers.map((server) => contender(server, row, isHttp2)),
          effort,
          signal,
        );
        if (origin.requests() !== pulled)
          throw failed(`${origin.requests() - pulled} requests of "${row.label}" went to the origin`);
        for (const line of comparisonLines(row.label, compareRuns(runs, row.unit), row.wanted)) print(line);
      }
    },
    requireClaims: () => {
      if (router.claimedBytes() === 0) throw failed("the Terminal claimed nothing: it did not run with everything on");
    },
  };
}

function serverOf({ name, pid, url }: Peer): Server {
  return { name, pid, urlOf: (target) => url + target };
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

function contender(server: Server, row: Row, isHttp2: boolean): Contender {
  const headers = row.range === undefined ? [] : [`Range: bytes=${row.range.first}-${row.range.last}`];
  return {
    name: server.name,
    pid: server.pid,
    isHttp2,
    load: { url: server.urlOf(row.target), connections: row.connections, headers },
  };
}

/** Fetches twice, so that every cache holds it, and makes sure that each server gives exactly the right bytes. */
async function warm(
  row: Row,
  servers: readonly Server[],
  bodies: ReadonlyMap<string, Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const body = bodies.get(row.target) ?? new Uint8Array();
  for (const server of servers) {
    await expectBytes(server, row, undefined, body, signal);
    await expectBytes(server, row, row.range, body, signal);
  }
}

async function expectBytes(
  server: Server,
  row: Row,
  range: Row["range"],
  body: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> = range === undefined ? {} : { Range: `bytes=${range.first}-${range.last}` };
  const response = await fetch(server.urlOf(row.target), {
    headers,
    redirect: "manual",
    signal,
    tls: { rejectUnauthorized: false },
  });
  const found = new Uint8Array(await response.arrayBuffer());
  const expected = range === undefined ? body : body.subarray(range.first, range.last + 1);
  const status = range === undefined ? 200 : 206;
  if (response.status !== status || hashOf(found) !== hashOf(expected)) {
    throw failed(
      `${server.name} answered "${row.label}" with status ${response.status} and ${found.length} bytes, not those of the origin`,
    );
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function failed(found: string): NesonError {
  return new NesonError("bench-failed", `Comparing hits failed: ${found}`, { fault: "bug" });
}
