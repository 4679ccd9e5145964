import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { generateIdentity } from "@neson/protocol/identity";
import { MAX_FRAME_BYTES } from "@neson/protocol/messages";
import { deriveRouterTagKey, deriveTicketKey, readClaimTicket, sealTicket, type Ticket } from "@neson/protocol/ticket";
import { terminalHosts } from "../../packages/cli/up/hosts.ts";
import { isAlive, until } from "../e2e/network.ts";
import { sha256Of } from "../e2e/origin.ts";
import { openStage, type Stage, ticketedUrl } from "./stage.ts";
import { heartbeatOf, helloOf, RawChannel, type StandIn, startStandIn } from "./stand-in.ts";

const SIZE = 300_000;
let stage: Stage;
let hosts: string[];
let paidBefore = 0;

beforeAll(async () => {
  stage = await openStage();
  hosts = (await terminalHosts(9)).map(({ listen }) => listen);
}, 30_000);

afterAll(() => stage[Symbol.asyncDispose]());

const paidBytes = async () => (await stage.admin.status()).meter.paidBytes;

/** Whatever was sent: the Router lives, answers, has let nobody in and has paid nothing. */
afterEach(async () => {
  expect(isAlive(stage.routerPid)).toBe(true);
  await until("every stand-in to be gone", async () => (await stage.admin.status()).terminals.length === 0);
  expect(await paidBytes()).toBe(paidBefore);
});

/** What the Router says to a stranger whose first frames are those. */
async function answerTo(...frames: Parameters<RawChannel["send"]>[0][]): Promise<string> {
  await using channel = new RawChannel(stage.controlUrl);
  await channel.hears("challenge");
  for (const frame of frames) channel.send(frame);
  return await channel.lastWord();
}

test.each<[string, string | Uint8Array<ArrayBuffer> | object, string]>([
  ["text that is no JSON", "hello?", "bad-message: control message: not JSON"],
  ["half a JSON text", '{"type":"hello","protocol":', "bad-message: control message: not JSON"],
  ["JSON without a type", [], "bad-message: control message: found no type"],
  ["a type that is no text", { type: 7 }, "bad-message: control message: found no type"],
  ["an unknown type", { type: "pay-me" }, 'bad-message: control message: found type "pay-me"; expected one of hello'],
  ["a type every object has", { type: "constructor" }, 'bad-message: control message: found type "constructor"'],
  ["a hello without its fields", { type: "hello" }, "bad-message: hello"],
  ["a message of the Router", { type: "welcome" }, 'bad-message: control message: found type "welcome"'],
  ["a binary frame", new Uint8Array([0, 1, 2, 255]), "bad-message: control message: not JSON"],
  ["a heartbeat before hello", heartbeatOf(0), "bad-message: found heartbeat before hello"],
  ["claims before hello", { type: "claims", id: "1", claims: [] }, "bad-message: found claims before hello"],
  ["deeply nested JSON", `${"[".repeat(200_000)}${"]".repeat(200_000)}`, "bad-message: control message: "],
])("%s is refused with a reason", async (_name, frame, expected) => {
  expect(await answerTo(frame)).toStartWith(expected);
});

test("a frame beyond the limit closes the connection as too big", async () => {
  expect(await answerTo("x".repeat(MAX_FRAME_BYTES + 1))).toBe("close code 1009");
});

/** A hello that is right but for the change. */
async function answerToHello(change: (hello: ReturnType<typeof helloOf>, nonce: string) => object): Promise<string> {
  await using channel = new RawChannel(stage.controlUrl);
  const { nonce } = await channel.hears("challenge");
  channel.send(change(helloOf(generateIdentity(), nonce, `http://${hosts[0]}:9`), nonce));
  return await channel.lastWord();
}

test.each<[string, Parameters<typeof answerToHello>[0], RegExp]>([
  ["a wrong protocol version", (hello) => ({ ...hello, protocol: 99 }), /^protocol-version: .*99.*speaks 1.*Update/],
  [
    "a signature of nobody",
    (hello) => ({ ...hello, signature: "A".repeat(86) }),
    /^bad-signature: .*signature is not by key/,
  ],
  ["another's key", (hello) => ({ ...hello, publicKey: generateIdentity().publicKey }), /^bad-signature: /],
  ["another endpoint than it signed", (hello) => ({ ...hello, endpoint: `http://${hosts[1]}:9` }), /^bad-signature: /],
  [
    "a signature over another connection's challenge",
    (hello) => ({ ...helloOf(generateIdentity(), "00".repeat(32), hello.endpoint) }),
    /^bad-signature: /,
  ],
  ["an endpoint nobody listens at", (hello) => hello, /^unreachable-endpoint: dialling .* back failed: .*--endpoint/],
  [
    "an endpoint with a path",
    (hello) => ({ ...hello, endpoint: `${hello.endpoint}/x` }),
    /^bad-message: hello.*endpoint/,
  ],
  [
    "an endpoint that is a file",
    (hello) => ({ ...hello, endpoint: "file:///etc/passwd" }),
    /^bad-message: hello.*endpoint/,
  ],
  ["a key that is no hex", (hello) => ({ ...hello, publicKey: "zz".repeat(32) }), /^bad-message: hello.*publicKey/],
  ["a negative memory", (hello) => ({ ...hello, hardware: { ...hello.hardware, memoryBytes: -1 } }), /memoryBytes/],
])("a hello with %s is refused with a reason", async (_name, change, expected) => {
  expect(await answerToHello(change)).toMatch(expected);
});

test("a hello for the endpoint of another Terminal is refused", async () => {
  await using honest = await startStandIn(String(hosts[0]));
  await using channel = new RawChannel(stage.controlUrl);
  const { nonce } = await channel.hears("challenge");
  channel.send(helloOf(generateIdentity(), nonce, honest.endpoint));
  expect(await channel.lastWord()).toMatch(/^unreachable-endpoint: another Terminal answers at /);
});

test("a second Terminal of the same key is refused while the first is connected, which stays", async () => {
  await using standIn = await startStandIn(String(hosts[0]));
  const first = await standIn.join(stage.controlUrl);
  await using second = new RawChannel(stage.controlUrl);
  const { nonce } = await second.hears("challenge");
  second.send(helloOf(standIn.identity, nonce, standIn.endpoint));
  expect(await second.lastWord()).toMatch(/^duplicate: .*already connected/);
  expect(first.closed).toBeUndefined();
});

test("a Terminal that floods its channel is cut off, and others are answered meanwhile", async () => {
  await using standIn = await startStandIn(String(hosts[0]));
  const channel = await standIn.join(stage.controlUrl);
  const claims = {
    type: "claims",
    id: "1",
    claims: Array.from({ length: 50 }, () => ({ ticket: "A".repeat(204), bytes: 1 })),
  };
  for (let i = 0; i < 20_000 && channel.closed === undefined; i += 1)
    channel.send(i % 2 === 0 ? claims : heartbeatOf(i));
  const startedMs = performance.now();
  expect((await stage.admin.status()).meter.paidBytes).toBe(paidBefore);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
}, 30_000);

test("a stranger who sends on while its endpoint is still being dialled is refused at once", async () => {
  // Takes the Router's call and never answers, which would give it seconds to fill the Router's memory.
  using silent = Bun.listen({ hostname: String(hosts[0]), port: 0, socket: { data: () => {} } });
  await using channel = new RawChannel(stage.controlUrl);
  const { nonce } = await channel.hears("challenge");
  channel.send(helloOf(generateIdentity(), nonce, `http://${hosts[0]}:${silent.port}`));
  channel.send({ type: "index", id: "1", page: 0, pages: 1, objects: [] });
  expect(await channel.lastWord()).toBe("bad-message: found index before welcome");
});

test("a hundred strangers who say nothing hinder nobody", async () => {
  await using strangers = new AsyncDisposableStack();
  const channels = Array.from({ length: 100 }, () => strangers.use(new RawChannel(stage.controlUrl)));
  await Promise.all(channels.map((channel) => channel.hears("challenge")));
  await using standIn = await startStandIn(String(hosts[0]));
  await standIn.join(stage.controlUrl);
  expect((await stage.admin.status()).terminals.map(({ id }) => id)).toEqual([standIn.terminalId]);
});

/** Two joined stand-ins, and the tickets of one answer: the first is the chosen Terminal's, the second its mirror's. */
async function withTickets(body: (scene: Scene) => Promise<void>): Promise<void> {
  await using one = await startStandIn(String(hosts[0]));
  await using two = await startStandIn(String(hosts[1]));
  const members = [
    { standIn: one, channel: await one.join(stage.controlUrl) },
    { standIn: two, channel: await two.join(stage.controlUrl) },
  ];
  const path = `/film-${randomBytes(4).toString("hex")}.bin`;
  const film = await stage.publish(path, SIZE);
  const answer = await fetch(film.url, { redirect: "manual" });
  const urls = [
    String(answer.headers.get("location")),
    ...((answer.headers.get("link") ?? "").match(/(?<=<)[^>]+/g) ?? []),
  ];
  const granted = urls.map((url) => {
    const member = members.find(({ standIn }) => url.startsWith(standIn.endpoint));
    if (member === undefined) throw new Error(`no stand-in is at ${url}`);
    return { ...member, ticket: url.split("/")[4] ?? "" };
  });
  const [first, second] = granted;
  if (first === undefined || second === undefined) throw new Error(`expected two URLs, found ${urls}`);
  const masterKey = await readFile(join(stage.routerDataDir, "master.key"));
  const read = readClaimTicket(first.ticket, { routerTagKey: deriveRouterTagKey(masterKey) });
  if (!read.ok) throw new Error(`the Router's own ticket reads as ${read.reason}`);
  await body({ first, second, ticket: read.ticket, masterKey });
}

interface Granted {
  standIn: StandIn;
  channel: RawChannel;
  ticket: string;
}

interface Scene {
  first: Granted;
  second: Granted;
  ticket: Ticket;
  masterKey: Uint8Array;
}

let lastClaim = 0;

/** Claims and gives the Router's acknowledgement. */
async function claim({ channel }: Granted, claims: { ticket: string; bytes: number }[]) {
  const id = `claim-${++lastClaim}`;
  channel.send({ type: "claims", id, claims });
  return await channel.hears("claims.ack", (ack) => ack.id === id);
}

function sealed(ticket: Ticket, terminalId: string, masterKey: Uint8Array): string {
  return sealTicket(ticket, {
    routerTagKey: deriveRouterTagKey(masterKey),
    terminalKey: deriveTicketKey(masterKey, terminalId, ticket.keyDay),
    siteHost: stage.siteHost,
  });
}

test("claims on forged, foreign, other networks' and long-gone tickets are refused with a reason and not paid", async () => {
  await withTickets(async ({ first, second, ticket, masterKey }) => {
    const { terminalId } = first.standIn;
    // It has its own ticket key, and so can give itself more bytes under its own tag; the Router's tag it cannot make.
    const ownKeys = { ...ticket, maxBytes: 1e12 };
    const selfMade = sealTicket(ownKeys, {
      routerTagKey: randomBytes(32),
      terminalKey: deriveTicketKey(masterKey, terminalId, ticket.keyDay),
      siteHost: stage.siteHost,
    });
    const flipped = first.ticket.slice(0, 120) + (first.ticket[120] === "A" ? "B" : "A") + first.ticket.slice(121);
    const longGone = { ...ticket, expiresAt: Math.floor(Date.now() / 1000) - 25 * 3600, nonce: "cd".repeat(16) };
    const cases: [string, RegExp][] = [
      [flipped, /^ticket refused: forged; only tickets that this network's Routers issued are paid/],
      ["A".repeat(204), /^ticket refused: malformed/],
      [selfMade, /^ticket refused: forged/],
      [sealed(ticket, terminalId, randomBytes(32)), /^ticket refused: forged/],
      [second.ticket, /^foreign ticket: issued for another Terminal/],
      [sealed(longGone, terminalId, masterKey), /^too late: claims are accepted for 24 hours/],
    ];
    const ack = await claim(
      first,
      cases.map(([text]) => ({ ticket: text, bytes: SIZE })),
    );
    expect(ack.accepted).toBe(0);
    expect(ack.refused).toHaveLength(cases.length);
    for (const [index, [, reason]] of cases.entries()) expect(ack.refused[index]?.reason).toMatch(reason);
    expect(await paidBytes()).toBe(paidBefore);
  });
});

test.each<[string, (ticket: string) => object]>([
  ["a ticket too short", () => ({ ticket: "AAAA", bytes: 1 })],
  ["a ticket too long", (ticket) => ({ ticket: `${ticket}A`, bytes: 1 })],
  ["fewer than no bytes", (ticket) => ({ ticket, bytes: -1 })],
  ["half a byte", (ticket) => ({ ticket, bytes: 0.5 })],
  ["more bytes than numbers can count", (ticket) => ({ ticket, bytes: 1e300 })],
  ["bytes as text", (ticket) => ({ ticket, bytes: "1000" })],
])("a claim with %s ends the channel with a reason", async (_name, change) => {
  await withTickets(async ({ first }) => {
    first.channel.send({ type: "claims", id: "x", claims: [change(first.ticket)] });
    expect(await first.channel.lastWord()).toMatch(/^bad-message: claims.*claims\.0\.(ticket|bytes)/);
  });
});

test("more claims than fit one message end the channel with a reason", async () => {
  await withTickets(async ({ first }) => {
    const claims = Array.from({ length: 501 }, () => ({ ticket: first.ticket, bytes: 1 }));
    first.channel.send({ type: "claims", id: "x", claims });
    expect(await first.channel.lastWord()).toMatch(/^bad-message: claims.*claims/);
  });
});

test("a Terminal that claims ten times what its ticket allows is paid the ceiling, once, with all its mirrors", async () => {
  await withTickets(async ({ first, second, ticket }) => {
    const tenfold = 10 * ticket.maxBytes;
    for (let round = 0; round < 3; round += 1) {
      const ack = await claim(first, [
        { ticket: first.ticket, bytes: tenfold },
        { ticket: first.ticket, bytes: tenfold },
      ]);
      expect([ack.accepted, ack.refused]).toEqual([2, []]);
      // The mirror's ticket is of the same answer: together they are paid no more.
      expect((await claim(second, [{ ticket: second.ticket, bytes: tenfold }])).refused).toEqual([]);
      expect(await paidBytes()).toBe(paidBefore + ticket.maxBytes);
    }
    paidBefore += ticket.maxBytes;
  });
});

test("after all this a real Terminal joins, serves and is paid", async () => {
  const terminal = await stage.startTerminal(3);
  const film = await stage.publish("/film-last.bin", SIZE);
  expect(sha256Of(await (await fetch(await ticketedUrl(film.url))).bytes())).toBe(film.sha256);
  await until("its claim to be paid", async () => (await paidBytes()) === paidBefore + SIZE);
  paidBefore += SIZE;
  await terminal.running[Symbol.asyncDispose]();
}, 30_000);
