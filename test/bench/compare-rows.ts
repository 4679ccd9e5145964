import { createHash } from "node:crypto";
import { NesonError } from "@neson/kit/error";
import { type Contender, type Effort, measureInTurn } from "./measure.ts";
import type { BenchOrigin } from "./origin.ts";
import type { Peer } from "./peers.ts";
import { COMPARISON_HEAD, compareRuns, comparisonLines, type Unit } from "./report.ts";

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

/** A server and how its URL for a target is made. */
export interface Server {
  name: string;
  pid: number;
  urlOf: (target: string) => string;
}

/** A peer, which serves each target at its own path. */
export function serverOf({ name, pid, url }: Peer): Server {
  return { name, pid, urlOf: (target) => url + target };
}

/** What a comparison needs beside the servers. */
export interface Comparison {
  /** The right bytes by target. */
  bodies: ReadonlyMap<string, Uint8Array>;
  /** Behind all servers; asked for nothing while they are measured. */
  origin: Pick<BenchOrigin, "requests">;
  effort: Effort;
  print: (line: string) => void;
  isHttp2: boolean;
}

/** Measures the first server beside the others, row by row, and prints the ratios. */
export async function compareRows(
  rows: readonly Row[],
  servers: readonly Server[],
  { bodies, origin, effort, print, isHttp2 }: Comparison,
  signal: AbortSignal,
): Promise<void> {
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
