import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import { generateIdentity } from "@neson/protocol/identity";
import { MAX_FRAME_BYTES } from "@neson/protocol/messages";
import { startTerminal } from "../terminal.ts";
import { FakeRouter } from "../testing/fake-router.ts";
import { publish, seededBytes } from "../testing/objects.ts";
import { startPair, testConfig } from "../testing/start.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";

const film = publish(seededBytes(300_000, 1));

test("Channel introduces the Terminal and reports load and index when it is let in", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  await pair.router.heard((message) => message.type === "heartbeat" && message.objectCount === 1);
  const hello = pair.router.received.find(({ type }) => type === "hello");
  expect(hello).toMatchObject({ protocol: 1, endpoint: pair.url });
  const heartbeats = pair.router.received.filter((message) => message.type === "heartbeat");
  expect(heartbeats.map(({ sequence }) => sequence)).toEqual(heartbeats.map((_, i) => i));
  expect(heartbeats.at(-1)).toMatchObject({ quotaBytes: 200 * 2 ** 20 });
  pair.router.send({ type: "index.request", id: "q1" });
  await pair.router.heard(({ type }) => type === "index");
  expect(pair.router.received.find(({ type }) => type === "index")).toEqual({
    type: "index",
    id: "q1",
    page: 0,
    pages: 1,
    objects: [[film.description.objectId, film.headersId]],
  });
});

test("Channel connects again when it breaks, and the Terminal serves meanwhile", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  for (let count = 2; count <= 4; count++) {
    pair.router.drop();
    expect((await pair.get(pair.router.path(film))).status).toBe(200);
    await until("it is back", () => pair.router.connectionCount === count && pair.terminal.isConnected());
  }
});

test("Channel outlives a Router that goes away and comes back at the same address", async () => {
  await using directory = { ...temporaryDirectory(), [Symbol.asyncDispose]: async () => {} };
  const identity = generateIdentity();
  const first = new FakeRouter({ identity });
  const port = Number(new URL(first.url).port);
  const deps = { clock: systemClock, log: silentLog, random: Math.random };
  await using terminal = await startTerminal(testConfig(directory.path, first.url), deps);
  await until("connected", () => terminal.isConnected());
  await first[Symbol.asyncDispose]();
  await until("disconnected", () => !terminal.isConnected());
  await using second = new FakeRouter({ identity, port });
  await until("connected again", () => terminal.isConnected() && second.isConnected);
});

test("Channel drops what it cannot read and goes on when a Router sends nonsense", async () => {
  await using pair = await startPair();
  const nonsense = [
    "not json",
    "[]",
    "null",
    "{}",
    '{"type":"__proto__"}',
    '{"type":"constructor"}',
    '{"type":"save"}',
    '{"type":"save","manifest":{"body":"{}","signature":"x"},"fillUrl":"http://x/","priority":"now"}',
    JSON.stringify({
      type: "save",
      manifest: { body: '{"objectId":"x"}', signature: "A".repeat(86) },
      fillUrl: "http://127.0.0.1:1/",
      priority: "now",
    }),
    '{"type":"delete","objectId":"../../etc/passwd","reason":""}',
    '{"type":"keys","ticketKeys":[]}',
    '{"type":"claims.ack","id":"none","accepted":0,"refused":[]}',
    '{"type":"nothing","id":"none","reason":""}',
    '{"type":"drain"}',
    `{"type":"challenge","nonce":"${"00".repeat(32)}"}`,
    "[".repeat(200_000),
    "x".repeat(MAX_FRAME_BYTES + 1),
  ];
  for (const frame of nonsense) pair.router.send(frame);
  await pair.router.store(film);
  expect((await pair.get(pair.router.path(film))).status).toBe(200);
  expect(pair.router.connectionCount).toBe(1);
});

test("Channel never accepts another Router's key once one is pinned", async () => {
  await using pair = await startPair();
  expect(readFileSync(join(pair.dataDir, "router.key"), "utf8").trim()).toBe(pair.router.identity.publicKey);
  await using stranger = new FakeRouter();
  await pair.terminal[Symbol.asyncDispose]();
  const deps = { clock: systemClock, log: silentLog, random: () => 0 };
  await using terminal = await startTerminal(testConfig(pair.dataDir, stranger.url), deps);
  await until("it has tried twice", () => stranger.connectionCount >= 2);
  expect(terminal.isConnected()).toBe(false);
  stranger.save(film);
  expect(stranger.received.some(({ type }) => type !== "hello")).toBe(false);
});

test("startTerminal() keeps a configured Router key apart from the pin, and refuses a damaged pin", async () => {
  using directory = temporaryDirectory();
  await using router = new FakeRouter();
  const deps = { clock: systemClock, log: silentLog, random: () => 0 };
  {
    const config = testConfig(directory.path, router.url, { routerKey: router.identity.publicKey });
    await using terminal = await startTerminal(config, deps);
    await until("connected", () => terminal.isConnected());
    expect(existsSync(join(directory.path, "router.key"))).toBe(false);
  }
  writeFileSync(join(directory.path, "router.key"), "junk");
  await expect(startTerminal(testConfig(directory.path, router.url), deps)).rejects.toThrow(
    /found 4 characters, allowed are 64 hex/,
  );
});

test("Channel tells the Router that it leaves when the Terminal stops", async () => {
  await using pair = await startPair();
  await pair.terminal[Symbol.asyncDispose]();
  expect(pair.router.received.at(-1)?.type).toBe("leave");
  await until("the connection is closed", () => !pair.router.isConnected);
});
