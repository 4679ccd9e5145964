import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { sealFillTicket } from "@neson/protocol/fill-ticket";
import { parseRouterFrame } from "@neson/protocol/messages";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { createRegistry } from "../registry/registry.ts";
import { SpeedGrants } from "../registry/speed-grants.ts";
import { channelDeps, connectTerminal } from "../registry/testing.ts";
import { openSites } from "../sites/site-registry.ts";
import { defineCall } from "./call.ts";
import { createControlApi } from "./control-api.ts";
import { listenForControl } from "./control-listener.ts";
import type { Dispatch } from "./dispatch.ts";
import { renderAnswer } from "./render-answer.ts";
import { QUIET_DEPS, watchedAlone } from "./testing.ts";

const METRICS = "# TYPE up gauge\nup 1\n";
const NOW_MS = 1_800_000_000_000;
const FILL_KEY = new Uint8Array(32).fill(3);
const OBJECT = "ab".repeat(32);
const BYTES = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const TRACK = { checks: 0, failures: 0, score: 0, limit: 13.8, consequence: "none", reasons: [] };
const STANDING = {
  tracks: { corrupt: TRACK, unknown: TRACK, offline: TRACK },
  ...{ earnings: [], refusals: [], totalPaidBytes: 7 },
};
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(api?: Dispatch) {
  const directory = await mkdtemp(join(tmpdir(), "neson-control-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const db = await openTestDatabase(join(directory, "router.sqlite"));
  cleanups.push(async () => db.destroy());
  const path = join(directory, "object");
  await Bun.write(path, BYTES);
  const clock = new FakeClock(NOW_MS);
  const sites = await openSites({ db, clock, forgetStored: async () => {} });
  const registry = createRegistry();
  const speeds = new SpeedGrants({ controlUrl: () => "", key: FILL_KEY }, { clock });
  const listener = listenForControl(
    {
      hostname: "127.0.0.1",
      port: 0,
      fillKey: FILL_KEY,
      channel: {
        routerKey: "ab".repeat(32),
        edgeScheme: "http",
        maxObjectBytes: 1e9,
        maxTerminals: 10,
        terminalCapacityBytesPerSecond: 1e6,
      },
    },
    {
      log: silentLog,
      channel: channelDeps({ registry, clock }),
      speed: { grants: speeds, clock: systemClock },
      metrics: { page: async () => METRICS, from: ["127.0.0.2"] },
      releases: { answer: (_request, path) => (path === "/install.sh" ? new Response("#!/bin/sh\n") : undefined) },
      fill: {
        clock,
        shield: { open: (objectId) => (objectId === OBJECT ? { path, size: BYTES.length } : undefined) },
        catalog: { pieces: async () => new Uint8Array(32) },
      },
      api:
        api ??
        createControlApi({
          ...QUIET_DEPS,
          db,
          clock,
          sites,
          ...watchedAlone({ db, sites, clock }),
          status: async () => ({ up: true }),
          metrics: async () => METRICS,
          operatorToken: "secret",
          registry,
          audits: {
            ask: async (_terminal, question) => ({ outcome: "good", detail: JSON.stringify(question), asked: 1 }),
          },
          standings: { of: async () => STANDING, noteChanged: () => {} },
          purges: { removeObject: async (id) => ({ entries: 2, isKnown: id === OBJECT, terminals: 0 }) },
          log: silentLog,
        }),
    },
  );
  cleanups.push(async () => listener[Symbol.asyncDispose]());
  return { base: `http://127.0.0.1:${listener.port}`, registry, speeds };
}

function fillPath(objectId = OBJECT, expiresAt = NOW_MS / 1000 + 60): string {
  return `/v1/fill/${sealFillTicket({ objectId, terminalId: "cd".repeat(32), expiresAt }, FILL_KEY)}`;
}

test("a fill gives the whole object, a range of it for resuming, and its piece list", async () => {
  const { base } = await listen();
  const whole = await fetch(base + fillPath());
  expect(whole.headers.get("content-length")).toBe("1000");
  expect(await whole.bytes()).toEqual(BYTES);
  const rest = await fetch(base + fillPath(), { headers: { Range: "bytes=990-" } });
  expect([rest.status, rest.headers.get("content-range")]).toEqual([206, "bytes 990-999/1000"]);
  expect(await rest.bytes()).toEqual(BYTES.slice(990));
  expect((await fetch(base + fillPath(), { headers: { Range: "bytes=1000-" } })).status).toBe(416);
  expect((await (await fetch(`${base}${fillPath()}/pieces`)).bytes()).length).toBe(32);
});

test.each([
  ["an expired ticket", fillPath(OBJECT, NOW_MS / 1000 - 1), 403, "expired"],
  ["an altered ticket", fillPath().replace(/.{4}$/, "AAAA"), 403, "forged"],
  ["an unknown object", fillPath("ef".repeat(32)), 404, "not held here"],
  ["another path", "/v1/fill/", 404, "no such fill"],
])("a fill with %s is refused with a reason", async (_name, path, status, line) => {
  const { base } = await listen();
  const answer = await fetch(base + path);
  expect(answer.status).toBe(status);
  expect(await answer.text()).toContain(line);
});

test("the admin API adds, lists and removes sites for whoever has the token, and nobody else", async () => {
  const { base } = await listen();
  const call = (method: string, path: string, body?: unknown, token = "secret") =>
    fetch(`${base}/api/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const site = { name: "shop", hosts: ["shop.example"], origin: "http://origin.example" };
  expect((await call("GET", "status", undefined, "guess")).status).toBe(401);
  expect(await (await call("GET", "status")).json()).toEqual({ up: true });
  expect((await call("POST", "sites", site)).status).toBe(201);
  expect((await (await call("GET", "sites")).json()) as object).toMatchObject({ sites: [site] });
  const refused = await call("POST", "sites", { ...site, origin: "nope" });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain('origin: found \\"nope\\"');
  expect((await call("POST", "sites", "{")).status).toBe(400);
  expect((await call("DELETE", "sites/shop")).status).toBe(204);
  expect((await call("DELETE", "sites/shop")).status).toBe(404);
  expect((await call("PUT", "sites")).status).toBe(405);
});

test("the Terminals' WebSocket challenges at once, and tells what is wrong with a binary or oversized frame", async () => {
  const { base, registry } = await listen();
  for (const frame of [new Uint8Array([1, 2, 3]), "x".repeat(4 * 1024 * 1024 + 1)]) {
    const types: string[] = [];
    await new Promise<void>((resolve) => {
      const socket = new WebSocket(`${base.replace("http", "ws")}/v1/terminal`);
      socket.onmessage = ({ data }) => void types.push(parseRouterFrame(String(data)).type);
      socket.onopen = () => socket.send(frame);
      socket.onclose = () => resolve();
    });
    expect(types[0]).toBe("challenge");
    if (typeof frame !== "string") expect(types).toEqual(["challenge", "refused"]);
  }
  expect(registry.all()).toEqual([]);
  expect((await fetch(`${base}/v1/terminal`)).status).toBe(426);
});

test("the admin API checks a Terminal, deletes there and everywhere, and shows a standing", async () => {
  const { base, registry } = await listen();
  const { terminal, sent } = connectTerminal();
  registry.add(terminal);
  terminal.noteStored(OBJECT, "01".repeat(8));
  const call = async (method: string, path: string, body?: unknown, token = "secret") => {
    const init = { method, headers: { Authorization: `Bearer ${token}` } };
    const answer = await fetch(`${base}/api/v1/${path}`, {
      ...init,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return [answer.status, await answer.json()] as [number, Record<string, unknown>];
  };
  const at = `terminals/${terminal.id}`;
  const question = { objectId: OBJECT, pieceIndex: 3 };
  expect((await call("POST", `${at}/audit`, question, "guess"))[0]).toBe(401);
  expect(await call("POST", `${at}/audit`, question)).toEqual([
    200,
    { outcome: "good", detail: JSON.stringify(question), asked: 1 },
  ]);
  for (const bad of [{}, { ...question, pieceIndex: -1 }, { ...question, objectId: "x" }, { ...question, extra: 1 }]) {
    expect((await call("POST", `${at}/audit`, bad))[1]).toMatchObject({ code: "bad-input" });
  }
  expect(await call("POST", `${at}/delete`, { objectId: OBJECT })).toEqual([200, { wasHeld: true }]);
  expect(await call("POST", `${at}/delete`, { objectId: OBJECT })).toEqual([200, { wasHeld: false }]);
  expect(sent.map(({ type }) => type)).toEqual(["delete", "delete"]);
  expect(await call("GET", `${at}/standing`)).toEqual([200, STANDING]);
  expect((await call("POST", `terminals/${"00".repeat(32)}/audit`, question))[1]).toMatchObject({
    code: "not-connected",
  });
  expect((await call("POST", `${at}/standing`))[0]).toBe(405);
  expect(await call("DELETE", `objects/${OBJECT}`)).toEqual([200, { entries: 2, terminals: 0 }]);
  expect((await call("DELETE", `objects/${"00".repeat(32)}`))[0]).toBe(404);
});

test("a measurement sends and takes what was granted, once each way, and nothing without leave", async () => {
  const { base, speeds } = await listen();
  const grant = speeds.answer("s1", "ab".repeat(32));
  if (grant.type !== "speed.grant") throw new Error("expected a grant");
  const url = base + grant.url;
  expect((await fetch(`${base}/v1/speed/${"A".repeat(43)}`)).status).toBe(403);
  expect((await fetch(`${base}/v1/speed/nonsense`)).status).toBe(404);
  expect((await fetch(url, { method: "PUT" })).status).toBe(405);
  const down = await fetch(url);
  expect((await down.bytes()).length).toBe(grant.maxBytes);
  expect((await fetch(url)).status).toBe(403);
  const body = new Uint8Array(grant.maxBytes);
  const up = (await (await fetch(url, { method: "POST", body })).json()) as { bytes: number; ms: number };
  expect(up.bytes).toBe(grant.maxBytes);
  expect(up.ms).toBeGreaterThanOrEqual(0);
  expect((await fetch(url, { method: "POST", body })).status).toBe(403);
});

test("a measurement that sends too much, or breaks off, ends, and the other direction is free again", async () => {
  const { base, speeds } = await listen();
  const grant = speeds.answer("s1", "ab".repeat(32));
  if (grant.type !== "speed.grant") throw new Error("expected a grant");
  const url = base + grant.url;
  const tooMuch = await fetch(url, { method: "POST", body: new Uint8Array(grant.maxBytes + 1) });
  expect([tooMuch.status, await tooMuch.text()]).toEqual([413, expect.stringContaining("the most allowed")]);
  const reading = new AbortController();
  const down = await fetch(url, { signal: reading.signal });
  await down.body?.getReader().read();
  reading.abort();
  const token = grant.url.split("/").at(-1) ?? "";
  const deadlineMs = performance.now() + 5000;
  // Both directions were begun: once the second has ended too, the leave is over altogether.
  for (;;) {
    const run = speeds.begin(token, "GET");
    if (!("refused" in run)) throw new Error("expected a refusal");
    if (run.refused.startsWith("no such leave")) break;
    if (performance.now() > deadlineMs) throw new Error(`the measurement goes on: ${run.refused}`);
    await Bun.sleep(5);
  }
});

test("install scripts and downloads are answered beside everything else", async () => {
  const { base } = await listen();
  expect(await (await fetch(`${base}/install.sh`)).text()).toBe("#!/bin/sh\n");
  expect((await fetch(`${base}/elsewhere`)).status).toBe(404);
});

test("a stream of the control API reaches its client line by line, however long it is silent, and ends with it", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  const { promise: silence, resolve: speak } = Promise.withResolvers<void>();
  let keptOpen = 0;
  async function* lines() {
    try {
      yield { n: 1 };
      await silence;
      for (;;) {
        yield { n: 2 };
        await Bun.sleep(1);
      }
    } finally {
      end("ended");
    }
  }
  const call = defineCall({
    ...{
      id: "log",
      method: "GET",
      path: "/log",
      area: "network",
      summary: "Log",
      scope: "logs:read",
      reach: "network",
    },
    answers: {},
    handle: () => ({}),
  });
  const { base } = await listen(async (request, { address, keepOpen }) => {
    keepOpen();
    keptOpen += 1;
    return renderAnswer(call, { lines: lines(), headers: { "X-From": address } }, request, () => {});
  });
  const leaving = new AbortController();
  const answer = await fetch(`${base}/api/v1/logs`, { signal: leaving.signal });
  expect([answer.headers.get("x-from"), keptOpen]).toEqual(["127.0.0.1", 1]);
  const reader = answer.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"n":1}\n');
  speak();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toStartWith('{"n":2}\n');
  leaving.abort();
  expect(await Promise.race([ended, Bun.sleep(5000).then(() => "goes on")])).toBe("ended");
});

test.each(["a b", "", "[::", "x/y", "a:99999"])("a request for the Host %j is refused, not failed at", async (host) => {
  const { base } = await listen();
  const { promise: told, resolve } = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(base).port),
    socket: { data: (_socket, bytes) => resolve(bytes.toString()) },
  });
  socket.write(`GET /api/v1/sites HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  expect(await told).toStartWith("HTTP/1.1 400 ");
  socket.end();
});

test("/metrics is for keys with metrics:read, and for addresses that were allowed", async () => {
  const { base } = await listen();
  const key = await fetch(`${base}/api/v1/keys`, {
    method: "POST",
    headers: { Authorization: "Bearer secret" },
    body: JSON.stringify({ name: "prometheus", scopes: ["metrics:read"] }),
  });
  const { secret } = (await key.json()) as { secret: string };
  const refused = await fetch(`${base}/metrics`);
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([401, "unauthorised"]);
  const answer = await fetch(`${base}/metrics`, { headers: { Authorization: `Bearer ${secret}` } });
  expect([answer.status, await answer.text()]).toEqual([200, METRICS]);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const { port } = new URL(base);
  const status = await new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path: "/metrics", localAddress: "127.0.0.2" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
  });
  expect(status).toBe(200);
});
