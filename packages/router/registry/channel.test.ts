import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { FakeClock } from "@neson/kit/fake-clock";
import { generateIdentity, type Identity, terminalIdOf } from "@neson/protocol/identity";
import { helloBytes, parseRouterFrame, type RouterMessage } from "@neson/protocol/messages";
import { type ChannelDeps, TerminalChannel } from "./channel.ts";
import { refusal } from "./handshake.ts";
import { createRegistry } from "./registry.ts";
import { channelDeps, HARDWARE, NOW_MS } from "./testing.ts";

const NONCE = "5a".repeat(32);
const ENDPOINT = "http://127.0.0.2:9000";

function openChannel(change: { maxTerminals?: number; unreachable?: boolean; deps?: Partial<ChannelDeps> } = {}) {
  const clock = new FakeClock(NOW_MS);
  const registry = createRegistry();
  const sent: RouterMessage[] = [];
  const closes: string[] = [];
  const claimed: unknown[] = [];
  const lost: string[] = [];
  const deps = channelDeps({
    ...{ registry, clock },
    dialBack: async () => (change.unreachable ? refusal("unreachable-endpoint", "port closed") : undefined),
    meter: {
      claim: async (_terminalId, claims) => {
        claimed.push(...claims);
        return { accepted: [], refused: [] };
      },
    },
    presence: {
      joined: () => {},
      lost: (_terminal, why) => void lost.push(why),
      unreachable: () => {},
      changed: () => {},
    },
    ...change.deps,
  });
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
      deps,
    );
  return { channel: open(), open, clock, registry, sent, closes, claimed, lost };
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

const heartbeat = (sequence: number, indexDigest = "00".repeat(32), change: object = {}) =>
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
    ...change,
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

/** A channel past its welcome, and the Terminal behind it. */
async function welcomed(change: Parameters<typeof openChannel>[0] = {}) {
  const opened = openChannel(change);
  opened.channel.receive(hello(generateIdentity()));
  await settle();
  const terminal = opened.registry.all()[0];
  if (terminal === undefined) throw new Error("expected to be let in");
  return { ...opened, terminal };
}

test("TerminalChannel answers evict, speed and audit.answer", async () => {
  const answered: unknown[] = [];
  const ticketed = { has: (id: string) => id === "aa".repeat(32) };
  const { channel, sent, terminal } = await welcomed({
    deps: { ticketed, audits: { answer: (message) => void answered.push(message.id), left: () => {} } },
  });
  for (const byte of ["aa", "bb", "cc"]) terminal.noteStored(byte.repeat(32), byte.repeat(8));
  const objects = ["cc", "bb", "aa"].map((byte) => ({ objectId: byte.repeat(32), bytes: 10 }));
  channel.receive(JSON.stringify({ type: "evict", id: "e1", objects }));
  channel.receive(JSON.stringify({ type: "speed", id: "s1" }));
  const signature = Buffer.alloc(64).toString("base64url");
  channel.receive(JSON.stringify({ type: "audit.answer", id: "a1", answer: { missing: "disk" }, signature }));
  await settle();
  expect(sent.slice(-2)).toEqual([
    { type: "evict.reply", id: "e1", keep: ["aa".repeat(32)] },
    { type: "nothing", id: "s1", reason: "busy" },
  ]);
  expect(answered).toEqual(["a1"]);
  expect(["aa", "bb", "cc"].filter((byte) => terminal.holdsObject(byte.repeat(32)))).toEqual(["aa"]);
});

test("TerminalChannel keeps the hardware it was told, and a Terminal that refuses saves gets none, nor tickets for what it lacks", async () => {
  const { channel, terminal } = await welcomed();
  terminal.noteStored("aa".repeat(32), "aa".repeat(8));
  channel.receive(heartbeat(0));
  await settle();
  expect([terminal.hasRoomFor(1), terminal.recentlyFailed("bb".repeat(32), NOW_MS)]).toEqual([true, false]);
  channel.receive(heartbeat(1, undefined, { refusesSaves: "disk-read-only" }));
  await settle();
  expect([terminal.hasRoomFor(1), terminal.recentlyFailed("bb".repeat(32), NOW_MS)]).toEqual([false, true]);
  expect(terminal.recentlyFailed("aa".repeat(32), NOW_MS)).toBe(false);
  expect(terminal.introduction?.hardware).toEqual(HARDWARE);
});

test("TerminalChannel has a Terminal delete what was purged while it was away or saving", async () => {
  const purged = ["aa".repeat(32), "cc".repeat(32)];
  const { channel, sent, terminal } = await welcomed({
    deps: { purgedAmong: async (ids) => ids.filter((id) => purged.includes(id)) },
  });
  channel.receive(heartbeat(0, "11".repeat(32)));
  channel.receive(heartbeat(1, "11".repeat(32)));
  await settle();
  const pairs = ["aa", "bb"].map((byte) => [byte.repeat(32), byte.repeat(8)]);
  channel.receive(JSON.stringify({ type: "index", id: "index-1", page: 0, pages: 1, objects: pairs }));
  channel.receive(JSON.stringify({ type: "stored", objectId: purged[1], headersId: "cc".repeat(8), bytes: 1 }));
  await settle();
  const deleted = sent.flatMap((message) => (message.type === "delete" ? [message.objectId] : []));
  expect(deleted).toEqual(purged);
  expect(terminal.storedCount).toBe(1);
});

test("TerminalChannel clears away header sets that nothing publishes any more, once there are many", async () => {
  const headersOf = (n: number) => n.toString(16).padStart(16, "0");
  const objectId = "aa".repeat(32);
  const published = new Set([headersOf(3), headersOf(17)]);
  const { channel, sent, terminal } = await welcomed({ deps: { publishedHeaders: async () => published } });
  const store = async (n: number) => {
    channel.receive(JSON.stringify({ type: "stored", objectId, headersId: headersOf(n), bytes: 1 }));
    await settle();
  };
  for (let n = 1; n <= 16; n += 1) await store(n);
  expect(sent.at(-1)?.type).toBe("welcome");
  await store(17);
  const deleted = sent.flatMap((message) => (message.type === "delete" ? [message.headersId] : []));
  const stale = Array.from({ length: 17 }, (_, i) => headersOf(i + 1)).filter((headersId) => !published.has(headersId));
  expect(deleted.toSorted()).toEqual(stale);
  expect(new Set(terminal.headersOf(objectId))).toEqual(published);
});

test("a connection that ends without leave is held against the Terminal; leave and the Router's own stop are not", async () => {
  const broken = await welcomed();
  broken.channel.closed();
  const silent = await welcomed();
  silent.clock.advance(3001);
  silent.channel.tick();
  const leaving = await welcomed();
  leaving.channel.receive(JSON.stringify({ type: "leave" }));
  await settle();
  leaving.channel.closed();
  const stopped = await welcomed();
  stopped.channel.stopping();
  stopped.channel.closed();
  expect([broken, silent, leaving, stopped].map(({ lost }) => lost)).toEqual([
    ["its connection ended without leave"],
    ["cut off: no message for 3000 ms"],
    [],
    [],
  ]);
});

test("TerminalChannel takes an index of 1.2 million pairs sent at once, and hears what is stored meanwhile", async () => {
  const { channel, sent, registry, terminal } = await welcomed();
  channel.receive(heartbeat(0, "11".repeat(32)));
  channel.receive(heartbeat(1, "11".repeat(32)));
  await settle();
  const request = sent.find((message) => message.type === "index.request");
  const id = request?.type === "index.request" ? request.id : "";
  const pages = 240;
  const random = randomBytes(pages * 5000 * 40).toString("hex");
  const pairOf = (n: number): [string, string] => [
    random.slice(n * 80, n * 80 + 64),
    random.slice(n * 80 + 64, n * 80 + 80),
  ];
  const startedMs = performance.now();
  for (let page = 0; page < pages; page += 1) {
    const objects = Array.from({ length: 5000 }, (_, i) => pairOf(page * 5000 + i));
    channel.receive(JSON.stringify({ type: "index", id, page, pages, objects }));
    if (page === 100) {
      channel.receive(
        JSON.stringify({ type: "stored", objectId: "aa".repeat(32), headersId: "aa".repeat(8), bytes: 1 }),
      );
      await settle();
    }
    // Frames come one at a time; whatever one of them set off is through before the next.
    await Promise.resolve();
  }
  await settle();
  expect(registry.all()).toEqual([terminal]);
  expect(terminal.storedCount).toBe(1_200_001);
  expect([terminal.holds(...pairOf(0)), terminal.holds(...pairOf(1_199_999))]).toEqual([true, true]);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  // The same pages again belong to no request: they count like any other frame, and too many of them cut the channel.
  for (let page = 0; page < 300; page += 1) {
    channel.receive(JSON.stringify({ type: "index", id, page: 0, pages, objects: [] }));
  }
  expect(sent.at(-1)).toMatchObject({ type: "refused", code: "bad-message" });
}, 90_000);
