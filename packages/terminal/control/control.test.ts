import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import type { TerminalMessage } from "@neson/protocol/messages";
import { statusSchema } from "../panel/status.ts";
import { publish, seededBytes } from "../testing/objects.ts";
import { startPair } from "../testing/start.ts";
import { until } from "../testing/until.ts";
import { Control, type ControlDeps } from "./control.ts";
import { IndexSender } from "./index-pages.ts";

type Pair = Awaited<ReturnType<typeof startPair>>;

const TRACK = { checks: 3, failures: 1, score: 2, limit: 10, consequence: "no new objects", reasons: ["late"] };
const STANDING = {
  tracks: { corrupt: TRACK, unknown: TRACK, offline: TRACK },
  earnings: [{ day: "2026-11-22", paidBytes: 7, refusedBytes: 1 }],
  refusals: ["a ticket was over"],
  totalPaidBytes: 7,
};
const RELEASE = { version: "99.0.0", notes: "faster", binaries: {} };

async function statusOf(pair: Pair) {
  const { panelUrl } = pair.terminal.ready;
  return statusSchema.parse(await (await fetch(new URL("/api/status", panelUrl))).json());
}

async function callPanel(pair: Pair, name: string, body: object) {
  const { url, token } = (await Bun.file(join(pair.dataDir, "panel.json")).json()) as { url: string; token: string };
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  return fetch(new URL(`/api/${name}`, url), { method: "POST", body: JSON.stringify(body), headers });
}

test("Control keeps what the Router says of standing and releases, over restarts too, and installs nothing by itself", async () => {
  await using pair = await startPair();
  pair.router.send({ type: "standing", ...STANDING });
  pair.router.send({ type: "update", release: RELEASE });
  await until("both are known", async () => (await statusOf(pair)).release !== undefined);
  await pair.restart();
  const { standing, release, identity } = await statusOf(pair);
  expect({ standing, release }).toEqual({ standing: STANDING, release: RELEASE });
  expect(identity.version).not.toBe(RELEASE.version);
  expect((await callPanel(pair, "update", { version: "98.0.0" })).status).toBe(400);
});

test("Control remembers a measurement of the link", async () => {
  await using pair = await startPair();
  await using source = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) =>
      request.method === "POST"
        ? Response.json({ bytes: (await request.arrayBuffer()).byteLength, ms: 1 })
        : new Response(new Uint8Array(1_000_000)),
  });
  const measuring = pair.terminal.measureLink();
  await pair.router.heard(({ type }) => type === "speed");
  const asked = pair.router.received.find((message) => message.type === "speed");
  const grant = { type: "speed.grant", id: asked?.id ?? "", url: `${source.url}x`, maxBytes: 1_000_000, maxMs: 5000 };
  pair.router.send(JSON.stringify(grant));
  const outcome = await measuring;
  expect(outcome).toMatchObject({ speed: { upBytesPerSecond: expect.any(Number) } });
  await pair.terminal[Symbol.asyncDispose]();
  using index = new Database(join(pair.dataDir, "index.sqlite"), { readonly: true });
  const kept = index.query<{ value: string }, []>("SELECT value FROM settings WHERE name = 'link-speed'").get();
  expect(outcome).toEqual({ speed: JSON.parse(kept?.value ?? "") });
});

test("Control leaves again on a new session when the channel breaks while it is leaving", async () => {
  await using pair = await startPair();
  const film = publish(seededBytes(40_000_000, 1));
  await pair.router.store(film);
  const viewer = await pair.get(pair.router.path(film));
  const leaving = callPanel(pair, "leave", {});
  const leaves = () => pair.router.received.filter(({ type }) => type === "leave").length;
  await until("it has said that it leaves", () => leaves() === 1);
  await pair.router.heard((message) => message.type === "heartbeat" && message.refusesSaves === "draining");
  expect((await statusOf(pair)).load.openTransfers).toBe(1);
  pair.router.drop();
  await until("the new session knows it too", () => pair.router.connectionCount === 2 && leaves() === 2);
  expect((await viewer.bytes()).length).toBe(film.bytes.length);
  expect((await leaving).status).toBe(200);
  const ticketBytes = pair.router.received.flatMap((message) =>
    message.type === "claims" ? message.claims.map(({ bytes }) => bytes) : [],
  );
  expect(ticketBytes).toContain(film.bytes.length);
  await pair.terminal.ended;
});

test("Control judges tickets by the Router's time where this machine's clock is wrong, and tells the operator", async () => {
  for (const [offsetMs, lifeSeconds, words] of [
    [600_000, 300, "ahead of"],
    [-600_000, -300, "behind"],
  ] as const) {
    const clock = { nowMs: () => systemClock.nowMs() + offsetMs, sleep: systemClock.sleep };
    await using pair = await startPair({ clock });
    const film = publish(seededBytes(1000, 1));
    await pair.router.store(film);
    const ticket = { expiresAt: Math.floor(Date.now() / 1000) + lifeSeconds };
    const statusOfTicket = async () => (await pair.get(pair.router.path(film, ticket))).status;
    const [wrong, right] = lifeSeconds > 0 ? [307, 200] : [200, 307];
    expect(await statusOfTicket()).toBe(wrong);
    pair.router.send({ type: "ok", sequence: 1, timeMs: Date.now() });
    await until("tickets are judged by the Router's time", async () => (await statusOfTicket()) === right);
    const { warnings } = await statusOf(pair);
    expect(warnings.find(({ code }) => code === "clock")?.message).toContain(`600.0 s ${words} the Router's`);
  }
});

test("Control tells why the last session ended", async () => {
  await using pair = await startPair();
  expect(pair.terminal.connection()).toEqual({ isConnected: true });
  pair.router.send({ type: "refused", code: "duplicate", message: "another one runs" });
  await until("it is back", () => pair.router.connectionCount === 2 && pair.terminal.isConnected());
  expect(pair.terminal.connection().lastRefusal).toMatchObject({ code: "duplicate", message: "another one runs" });
});

test("Control sends an index round by round, as the Router answers the heartbeats behind them", async () => {
  const sent: TerminalMessage[] = [];
  const send = (message: TerminalMessage) => sent.push(message) > 0;
  const pairs = () => Array.from({ length: 9000 }, (_none, i): [string, string] => [String(i), "h"]);
  using pages = new IndexSender({ send, pairs });
  const load = { read: () => ({ egressBytesPerSecond: 0, cpuLoad: 0, freeMemoryBytes: 0 }) };
  using control = new Control({
    send,
    openTransfers: () => 0,
    store: {},
    load,
    pages,
    firstWord: { noteHeard: () => {} },
  } as unknown as ControlDeps);
  control.onMessage({ type: "index.request", id: "q" });
  const pageCount = () => sent.filter(({ type }) => type === "index").length;
  for (const expected of [4, 8, 9]) {
    await until("the next round is sent", () => pageCount() === expected);
    const beat = sent.findLast((message) => message.type === "heartbeat");
    control.onMessage({ type: "ok", sequence: beat?.sequence ?? -1 });
  }
  expect(sent.filter(({ type }) => type === "heartbeat")).toHaveLength(2);
});
