import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { sealFillTicket } from "@neson/protocol/fill-ticket";
import { parseRouterFrame } from "@neson/protocol/messages";
import { openDatabase } from "../db/database.ts";
import { createRegistry } from "../registry/registry.ts";
import { openSites } from "../sites/site-registry.ts";
import { listenForControl } from "./control-listener.ts";

const NOW_MS = 1_800_000_000_000;
const FILL_KEY = new Uint8Array(32).fill(3);
const OBJECT = "ab".repeat(32);
const BYTES = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen() {
  const directory = await mkdtemp(join(tmpdir(), "neson-control-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const db = await openDatabase(join(directory, "router.sqlite"));
  cleanups.push(async () => db.destroy());
  const path = join(directory, "object");
  await Bun.write(path, BYTES);
  const clock = new FakeClock(NOW_MS);
  const registry = createRegistry();
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
      channel: {
        registry,
        clock,
        log: silentLog,
        challenge: () => "5a".repeat(32),
        ticketKeysOf: () => [],
        dialBack: async () => undefined,
        meter: { claim: async () => ({ accepted: [], refused: [] }) },
        saves: {
          place: async () => {},
          answerWant: async (want) => ({ type: "nothing", id: want.id, reason: "none" }),
        },
      },
      fill: {
        clock,
        shield: { open: (objectId) => (objectId === OBJECT ? { path, size: BYTES.length } : undefined) },
        catalog: { pieces: async () => new Uint8Array(32) },
      },
      admin: {
        sites: await openSites({ db, clock, forgetStored: async () => {} }),
        status: async () => ({ up: true }),
        token: "secret",
        log: silentLog,
      },
    },
  );
  cleanups.push(async () => listener[Symbol.asyncDispose]());
  return { base: `http://127.0.0.1:${listener.port}`, registry };
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
  expect((await call("PUT", "sites")).status).toBe(404);
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
