import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { generateIdentity, type Identity, terminalIdOf } from "@neson/protocol/identity";
import { helloBytes, parseRouterFrame, type RouterMessage } from "@neson/protocol/messages";
import { TerminalChannel } from "./channel.ts";
import { refusal } from "./handshake.ts";
import { createRegistry } from "./registry.ts";

const NONCE = "5a".repeat(32);
const HARDWARE = { platform: "linux", cpuModel: "x", cpuCores: 2, memoryBytes: 1, diskBytes: 1 };
const ENDPOINT = "http://127.0.0.2:9000";

function openChannel(change: { maxTerminals?: number; unreachable?: boolean } = {}) {
  const clock = new FakeClock(1_800_000_000_000);
  const registry = createRegistry();
  const sent: RouterMessage[] = [];
  const closes: string[] = [];
  const claimed: unknown[] = [];
  const open = () =>
    new TerminalChannel(
      { send: (text) => void sent.push(parseRouterFrame(text)), close: (_code, reason) => void closes.push(reason) },
      {
        routerKey: "ab".repeat(32),
        edgeScheme: "http",
        maxObjectBytes: 1e9,
        maxTerminals: change.maxTerminals ?? 10,
        terminalCapacityBytesPerSecond: 1e6,
      },
      {
        registry,
        clock,
        log: silentLog,
        challenge: () => NONCE,
        ticketKeysOf: () => [{ day: 1, key: Buffer.alloc(32).toString("base64url") }],
        dialBack: async () => (change.unreachable ? refusal("unreachable-endpoint", "port closed") : undefined),
        meter: {
          claim: async (_terminalId, claims) => {
            claimed.push(...claims);
            return { accepted: [], refused: [] };
          },
        },
        saves: {
          place: async () => {},
          answerWant: async (want) => ({ type: "nothing", id: want.id, reason: "none" }),
        },
      },
    );
  return { channel: open(), open, clock, registry, sent, closes, claimed };
}

function hello(identity: Identity, change: object = {}): string {
  const { publicKey } = identity;
  const signature = identity.sign(helloBytes({ nonce: NONCE, publicKey, endpoint: ENDPOINT }));
  const message = {
    type: "hello",
    protocol: 1,
    publicKey,
    signature,
    endpoint: ENDPOINT,
    version: "1",
    hardware: HARDWARE,
  };
  return JSON.stringify({ ...message, ...change });
}

const heartbeat = (sequence: number, indexDigest = "00".repeat(32)) =>
  JSON.stringify({
    type: "heartbeat",
    sequence,
    openTransfers: 0,
    egressBytesPerSecond: 0,
    cpuLoad: 0,
    freeMemoryBytes: 1,
    remainingBytes: 1000,
    quotaBytes: 1000,
    objectCount: 0,
    indexDigest,
  });

/** Lets queued frames be worked off: the channel's work is promise-driven and touches no real time here. */
const settle = async () => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
};

test("TerminalChannel registers a Terminal that signed the challenge and answered the dial-back", async () => {
  const identity = generateIdentity();
  const { channel, registry, sent } = openChannel();
  expect(sent).toEqual([{ type: "challenge", nonce: NONCE }]);
  channel.receive(hello(identity));
  await settle();
  expect(sent[1]?.type).toBe("welcome");
  expect(registry.all().map(({ id }) => id)).toEqual([terminalIdOf(identity.publicKey)]);
  channel.closed();
  expect(registry.all()).toEqual([]);
});

test.each([
  ["bad-signature", (identity: Identity) => hello(generateIdentity(), { publicKey: identity.publicKey })],
  ["bad-signature", (identity: Identity) => hello(identity, { endpoint: "http://127.0.0.9:1" })],
  ["protocol-version", (identity: Identity) => hello(identity, { protocol: 2 })],
  ["bad-message", () => heartbeat(0)],
  ["bad-message", () => "not json"],
  ["bad-message", () => JSON.stringify({ type: "hello" })],
  ["bad-message", () => JSON.stringify({ type: "mint" })],
  ["bad-message", () => "x".repeat(5_000_000)],
])("TerminalChannel refuses with %s and closes", async (code, frame) => {
  const { channel, registry, sent, closes } = openChannel();
  channel.receive(frame(generateIdentity()));
  await settle();
  expect(sent.at(-1)).toMatchObject({ type: "refused", code });
  expect(closes).toEqual([code]);
  expect(registry.all()).toEqual([]);
});

test("TerminalChannel tells why an endpoint that does not answer is refused", async () => {
  const { channel, sent } = openChannel({ unreachable: true });
  channel.receive(hello(generateIdentity()));
  await settle();
  expect(sent.at(-1)).toEqual({ type: "refused", code: "unreachable-endpoint", message: "port closed" });
});

test("TerminalChannel refuses a second connection of a connected Terminal, and one too many", async () => {
  const identity = generateIdentity();
  const { channel, open, sent } = openChannel({ maxTerminals: 1 });
  channel.receive(hello(identity));
  await settle();
  open().receive(hello(identity));
  await settle();
  expect(sent.at(-1)).toMatchObject({ type: "refused", code: "duplicate" });
  open().receive(hello(generateIdentity()));
  await settle();
  expect(sent.at(-1)).toMatchObject({ type: "refused", code: "full" });
});

test("tick() drops a Terminal that fell silent for three seconds, and one that never said hello", async () => {
  const { channel, open, clock, registry, closes } = openChannel();
  channel.receive(hello(generateIdentity()));
  await settle();
  clock.advance(2900);
  channel.receive(heartbeat(0));
  await settle();
  clock.advance(2900);
  channel.tick();
  expect(registry.all().length).toBe(1);
  clock.advance(200);
  channel.tick();
  expect(registry.all()).toEqual([]);
  const mute = open();
  clock.advance(10_001);
  mute.tick();
  expect(closes.length).toBe(2);
});

test("TerminalChannel asks for the index when the digest differs twice, and takes its pages", async () => {
  const { channel, registry, sent } = openChannel();
  channel.receive(hello(generateIdentity()));
  channel.receive(heartbeat(0, "11".repeat(32)));
  channel.receive(heartbeat(1, "11".repeat(32)));
  await settle();
  const request = sent.find((message) => message.type === "index.request");
  expect(request).toBeDefined();
  const id = request?.type === "index.request" ? request.id : "";
  const pair = (byte: string): [string, string] => [byte.repeat(32), byte.repeat(8)];
  channel.receive(JSON.stringify({ type: "index", id, page: 0, pages: 2, objects: [pair("aa")] }));
  channel.receive(JSON.stringify({ type: "index", id, page: 1, pages: 2, objects: [pair("bb")] }));
  await settle();
  const terminal = registry.all()[0];
  expect(terminal?.holds(...pair("aa"))).toBe(true);
  expect(terminal?.storedCount).toBe(2);
});

test("TerminalChannel cuts off a Terminal that floods it", async () => {
  const { channel, sent, registry } = openChannel();
  channel.receive(hello(generateIdentity()));
  await settle();
  for (let sequence = 0; sequence < 300; sequence += 1) channel.receive(heartbeat(sequence));
  expect(sent.at(-1)).toMatchObject({ type: "refused", code: "bad-message" });
  expect(registry.all()).toEqual([]);
});

test("TerminalChannel answers want, claims and leave; a leaving Terminal gets no more viewers", async () => {
  const { channel, registry, sent, claimed } = openChannel();
  channel.receive(hello(generateIdentity()));
  channel.receive(JSON.stringify({ type: "want", id: "w1", objectId: "aa".repeat(32), headersId: "aa".repeat(8) }));
  channel.receive(JSON.stringify({ type: "claims", id: "c1", claims: [] }));
  channel.receive(JSON.stringify({ type: "leave" }));
  await settle();
  expect(sent.slice(-3).map(({ type }) => type)).toEqual(["nothing", "claims.ack", "ok"]);
  expect(claimed).toEqual([]);
  expect(registry.all()).toEqual([]);
});
