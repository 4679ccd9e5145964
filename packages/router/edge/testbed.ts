import { mkdtemp, rm } from "node:fs/promises";
import http, { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "@neson/kit/clock";
import { serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";
import type { z } from "zod";
import { type Catalog, openCatalog } from "../catalog/catalog.ts";
import type { CatalogEntry } from "../catalog/entry.ts";
import { openShield, type Shield } from "../catalog/shield.ts";
import type { Db } from "../db/database.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { type Site, siteSchema } from "../sites/site.ts";
import { openSliceStore, type SliceStore } from "../slices/slice-store.ts";
import type { SteerAnswer, SteerQuery } from "../steer/steering.ts";
import { createEdge, type Edge, type EdgeDeps, type EdgeOptions } from "./edge.ts";

/** A real origin for tests: every request is kept, and `answer` decides what it gets. */
export interface TestOrigin extends AsyncDisposable {
  port: number;
  requests: { method: string; target: string; headers: IncomingHttpHeaders; body: string }[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Listens on a port of 127.0.0.1; `answer` may be replaced at any time. */
export async function startOrigin(answer: TestOrigin["answer"]): Promise<TestOrigin> {
  const server = createServer(async (request, response) => {
    const seen = { method: request.method ?? "", target: request.url ?? "", headers: request.headers, body: "" };
    origin.requests.push(seen);
    response.on("error", () => {});
    if (request.method === "POST" || request.method === "PUT") {
      for await (const chunk of request) seen.body += chunk;
    }
    origin.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin: TestOrigin = {
    port: (server.address() as AddressInfo).port,
    requests: [],
    answer,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return origin;
}

/** Steering under a test's control. */
export class FakeSteering {
  /** How many Terminals there are. */
  terminals = 0;
  readonly queries: SteerQuery[] = [];
  readonly placed: CatalogEntry[] = [];

  steer(query: SteerQuery): SteerAnswer | undefined {
    this.queries.push(query);
    if (this.terminals === 0) return undefined;
    const names = Array.from({ length: this.terminals }, (_, i) => `http://t${i}.test/v1/ticket${i}`);
    return { urls: names.map((name) => `${name}/${query.siteHost}${query.target}`), terminalId: "t0" };
  }

  stored(entry: CatalogEntry): void {
    this.placed.push(entry);
  }
}

/** A whole answer. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
  /** True when the connection broke before the body was whole. */
  cut: boolean;
}

/** How to ask: GET at `site.test` when nothing is said. */
export interface Ask {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | string[];
  host?: string;
}

/** An edge under test. */
export interface Testbed extends AsyncDisposable {
  edge: Edge;
  catalog: Catalog;
  shield: Shield;
  slices: SliceStore;
  db: Db;
  steering: FakeSteering;
  site: Site;
  port: number;
  directory: string;
  get(target: string, ask?: Ask): Promise<Reply>;
}

/** What a test may want otherwise. */
export interface TestbedOptions {
  /** `http://127.0.0.1:<port>` when a number. */
  origin: number | string;
  site?: Partial<z.input<typeof siteSchema>>;
  clock?: Clock;
  edge?: Partial<EdgeOptions>;
  resolve?: EdgeDeps["resolve"];
  watch?: Pick<EdgeDeps, "observe" | "spendStateOf" | "locate" | "mayTrace">;
  shieldBytes?: number;
  sliceBytes?: number;
  memoryBytes?: number;
  /** Reused across restarts; removed at the end when made here. */
  directory?: string;
}

/** An edge with all its parts behind a real listener, for the host name `site.test`. */
export async function startTestbed(options: TestbedOptions): Promise<Testbed> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "neson-edge-")));
  const clock = options.clock ?? systemClock;
  const site = siteSchema.parse({
    name: "test-site",
    hosts: ["site.test"],
    origin: typeof options.origin === "number" ? `http://127.0.0.1:${options.origin}` : options.origin,
    allowPrivateOrigin: true,
    ...options.site,
  });
  const db = await openTestDatabase(join(directory, "router.sqlite"));
  const { shieldBytes = 1e9, memoryBytes = 1e7 } = options;
  const shield = await openShield(
    { directory: join(directory, "shield"), maxBytes: shieldBytes, memoryBytes },
    { log: silentLog },
  );
  const catalog = await openCatalog({ memoryBytes: 1e7 }, { db, shield, clock, log: silentLog });
  const slices = await openSliceStore(
    { directory: join(directory, "slices"), maxBytes: options.sliceBytes ?? 1e9 },
    { catalog, log: silentLog },
  );
  const steering = new FakeSteering();
  const sites = {
    byHost: (hostname: string) => (site.hosts.includes(hostname) ? site : undefined),
    list: () => [site],
  };
  const edge = createEdge(
    { edgeScheme: "http", maxObjectBytes: 1e9, ...options.edge },
    { sites, catalog, shield, slices, steering, clock, log: silentLog, resolve: options.resolve, ...options.watch },
  );
  const limits = { graceMs: 100 };
  const server = await serveHttp({ hostname: "127.0.0.1", port: 0, handle: edge.handle, log: silentLog, limits });
  return {
    ...{ edge, catalog, shield, slices, db, steering, site, directory, port: server.port },
    get: (target, ask) => request(server.port, target, ask),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await edge[Symbol.asyncDispose]();
      await slices[Symbol.asyncDispose]();
      await catalog[Symbol.asyncDispose]();
      await db.destroy();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** One request on its own connection; follows nothing. Status 0 when the connection broke before the header section. */
async function request(port: number, target: string, ask: Ask = {}): Promise<Reply> {
  let response: IncomingMessage;
  try {
    response = await openRequest(port, target, ask);
  } catch {
    return { status: 0, headers: {}, rawHeaders: [], body: Buffer.alloc(0), cut: true };
  }
  const chunks: Buffer[] = [];
  let cut = false;
  try {
    for await (const chunk of response) chunks.push(chunk);
  } catch {
    cut = true;
  }
  const { statusCode: status = 0, headers, rawHeaders } = response;
  return { status, headers, rawHeaders, body: Buffer.concat(chunks), cut: cut || !response.complete };
}

/** Like `request`, but gives the response as soon as its header section is there. */
export function openRequest(port: number, target: string, ask: Ask = {}): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, host = "site.test" } = ask;
  return new Promise((resolve, reject) => {
    const sent = http.request(
      { host: "127.0.0.1", port, path: target, method, headers: { Host: host, ...headers }, agent: false },
      resolve,
    );
    sent.on("error", reject);
    for (const part of typeof ask.body === "string" ? [ask.body] : (ask.body ?? [])) sent.write(part);
    sent.end();
  });
}

/** Waits until the condition holds; throws after the deadline. */
export async function until(condition: () => boolean, what: string, deadlineMs = 5000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Deterministic bytes that differ everywhere. */
export function testBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
