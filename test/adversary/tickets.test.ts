import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveRouterTagKey, deriveTicketKey, readClaimTicket, sealTicket, type Ticket } from "@neson/protocol/ticket";
import { isAlive, until } from "../e2e/network.ts";
import { sha256Of } from "../e2e/origin.ts";
import { openStage, type Stage, type StageTerminal, settledPaidBytes, ticketedUrl } from "./stage.ts";

const SIZE = 1_000_000;
let stage: Stage;
let terminals: StageTerminal[];
let file: Awaited<ReturnType<Stage["publish"]>>;
/** Bytes that Terminals sent on good tickets so far, each ticket up to its allowance: all that may ever be paid. */
let owedBytes = 0;

beforeAll(async () => {
  stage = await openStage();
  terminals = await Promise.all([stage.startTerminal(1), stage.startTerminal(2)]);
  file = await stage.publish("/film.bin", SIZE);
  for (const { terminalId } of terminals) {
    await until("both Terminals to hold the file", async () => (await stage.seen(terminalId))?.storedObjects === 1);
  }
}, 40_000);

afterAll(() => stage[Symbol.asyncDispose]());

/** A ticketed URL taken apart. */
function partsOf(location: string): { endpoint: string; ticket: string; siteHost: string; target: string } {
  const match = /^(http:\/\/[^/]+)\/v1\/([^/]+)\/([^/]+)(\/.*)$/.exec(location);
  if (match === null) throw new Error(`not a ticketed URL: ${location}`);
  const [, endpoint = "", ticket = "", siteHost = "", target = ""] = match;
  return { endpoint, ticket, siteHost, target };
}

async function masterKey(): Promise<Uint8Array> {
  return await readFile(join(stage.routerDataDir, "master.key"));
}

/** Asks without following, and gives what a person would see. */
async function ask(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers, redirect: "manual" });
  return { status: answer.status, location: answer.headers.get("location"), body: await answer.bytes() };
}

async function line(url: string, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await ask(url, headers);
  return `${status} ${Buffer.from(body).toString("utf8", 0, 300)}`;
}

/** How many bytes the ticket in a URL may be paid for. */
function allowanceOf(location: string, key: Uint8Array): number {
  const read = readClaimTicket(partsOf(location).ticket, { routerTagKey: deriveRouterTagKey(key) });
  if (!read.ok) throw new Error(`the Router's own ticket reads as ${read.reason}`);
  return read.ticket.maxBytes;
}

/** A ticket like the real one with other fields, as only a holder of the network's master key can make it. */
async function minted(location: string, change: Partial<Ticket>, siteHost?: string): Promise<string> {
  const key = await masterKey();
  const parts = partsOf(location);
  const read = readClaimTicket(parts.ticket, { routerTagKey: deriveRouterTagKey(key) });
  if (!read.ok) throw new Error(`the Router's own ticket reads as ${read.reason}`);
  const ticket = { ...read.ticket, ...change };
  const terminal = terminals.find(({ terminalId }) => terminalId.startsWith(ticket.terminalId16));
  const text = sealTicket(ticket, {
    routerTagKey: deriveRouterTagKey(key),
    terminalKey: deriveTicketKey(key, terminal?.terminalId ?? "", ticket.keyDay),
    siteHost: siteHost ?? parts.siteHost,
  });
  return `${parts.endpoint}/v1/${text}/${parts.siteHost}${parts.target}`;
}

/** Whatever happened inside, every process lives and a viewer is served. */
async function withoutHarm(attack: () => Promise<void>): Promise<void> {
  await attack();
  expect([stage.routerPid, ...terminals.map(({ pid }) => pid)].filter((pid) => !isAlive(pid))).toEqual([]);
  expect(sha256Of(await (await fetch(file.url)).bytes())).toBe(file.sha256);
  owedBytes += SIZE;
}

test("a ticket with any one character changed is refused", async () => {
  await withoutHarm(async () => {
    const { endpoint, ticket, siteHost, target } = partsOf(await ticketedUrl(file.url));
    const answers = new Map<string, number>();
    for (let at = 0; at < ticket.length; at += 1) {
      const forged = ticket.slice(0, at) + (ticket[at] === "A" ? "B" : "A") + ticket.slice(at + 1);
      const answer = await line(`${endpoint}/v1/${forged}/${siteHost}${target}`);
      const reason = /^403 ticket refused: (malformed|forged|foreign|unknown-key): .+\n$/.exec(answer)?.[1];
      if (reason === undefined) throw new Error(`character ${at}: found ${answer}`);
      answers.set(reason, (answers.get(reason) ?? 0) + 1);
    }
    expect(answers.get("forged")).toBeGreaterThan(100);
    expect(answers.get("foreign")).toBeGreaterThan(15);
  });
}, 30_000);

test.each([
  ["nothing", (_ticket: string) => "-", "malformed"],
  ["half a ticket", (ticket: string) => ticket.slice(0, 100), "malformed"],
  ["a ticket with one character more", (ticket: string) => `${ticket}A`, "over-long"],
  ["a ticket of 6000 characters", (ticket: string) => ticket.repeat(30).slice(0, 6000), "over-long"],
  ["a ticket in the wrong alphabet", (ticket: string) => `+${ticket.slice(1)}`, "malformed"],
  ["percent signs", (ticket: string) => `%2e%2e${ticket.slice(6)}`, "malformed"],
])("%s in a ticket's place is refused with its reason", async (_name, change, reason) => {
  const { endpoint, ticket, siteHost, target } = partsOf(await ticketedUrl(file.url));
  expect(await line(`${endpoint}/v1/${change(ticket)}/${siteHost}${target}`)).toStartWith(
    `403 ticket refused: ${reason}: `,
  );
});

test("a ticket of one Terminal is refused at another", async () => {
  await withoutHarm(async () => {
    const { endpoint, ticket, siteHost, target } = partsOf(await ticketedUrl(file.url));
    const other = terminals.find(({ url }) => url !== endpoint);
    expect(await line(`${other?.url}/v1/${ticket}/${siteHost}${target}`)).toStartWith("403 ticket refused: foreign: ");
  });
});

test("a ticket is no open redirect: another site host in the path is refused, whatever it looks like", async () => {
  await withoutHarm(async () => {
    const location = await ticketedUrl(file.url);
    const { endpoint, ticket, siteHost, target } = partsOf(location);
    const expired = partsOf(await minted(location, { expiresAt: 1 })).ticket;
    // The expired ticket is genuine and would lead back to its own site, and to no other.
    expect((await ask(`${endpoint}/v1/${expired}/${siteHost}${target}`)).location).toBe(`http://${siteHost}${target}`);
    const hosts = [
      "evil.example",
      `${siteHost}.evil.example`,
      `evil.example%2f${siteHost}`,
      `user@${siteHost}`,
      "127.0.0.1",
    ];
    for (const host of hosts) {
      for (const text of [ticket, expired]) {
        const { status, location: leadsTo, body } = await ask(`${endpoint}/v1/${text}/${host}${target}`);
        expect(`${host}: ${status} ${Buffer.from(body)}`).toStartWith(`${host}: 403 ticket refused: forged: `);
        expect(leadsTo).toBeNull();
      }
    }
  });
});

test("a path that would leave the site is kept inside it when a Terminal sends back", async () => {
  const location = await ticketedUrl(file.url);
  const { endpoint, siteHost } = partsOf(location);
  const expired = partsOf(await minted(location, { expiresAt: 1 })).ticket;
  for (const target of ["//evil.example/x", "/@evil.example", "/%0d%0aSet-Cookie:%20a=b"]) {
    const { status, location: leadsTo } = await ask(`${endpoint}/v1/${expired}/${siteHost}${target}`);
    expect(status).toBe(307);
    expect(new URL(String(leadsTo)).host).toBe(siteHost);
  }
});

test("a ticket for a part gives that part and no byte beside it", async () => {
  const url = await minted(await ticketedUrl(file.url), { firstByte: 1000, lastByte: 1999, nonce: "ab".repeat(16) });
  const inside = await ask(url, { Range: "bytes=1000-1999" });
  expect(inside.status).toBe(206);
  expect(sha256Of(inside.body)).toBe(sha256Of(file.bytes.subarray(1000, 2000)));
  owedBytes += 1000;
  await withoutHarm(async () => {
    for (const range of [
      undefined,
      "bytes=0-10",
      "bytes=999-1999",
      "bytes=1000-2000",
      "bytes=-5",
      "bytes=1000-1100,5000-5001",
    ]) {
      const answer = await line(url, range === undefined ? {} : { Range: range });
      expect(`${range} ${answer}`).toStartWith(`${range} 403 range refused: this ticket is for bytes 1000 to 1999`);
    }
  });
});

test("a ticket used over and over is sent back beyond its allowance and paid at most that", async () => {
  const location = await ticketedUrl(file.url);
  const { siteHost, target } = partsOf(location);
  const maxBytes = allowanceOf(location, await masterKey());
  expect(maxBytes).toBeGreaterThan(SIZE);
  let served = 0;
  let sentBack = 0;
  for (let use = 0; use < 12; use += 1) {
    const { status, body, location: leadsTo } = await ask(location);
    if (status === 200) {
      served += 1;
      expect(sha256Of(body)).toBe(file.sha256);
    } else {
      expect([status, leadsTo]).toEqual([307, `http://${siteHost}${target}`]);
      sentBack += 1;
    }
  }
  expect(served).toBeGreaterThan(0);
  expect(served * SIZE).toBeLessThan(maxBytes + SIZE);
  expect(sentBack).toBe(12 - served);
  owedBytes += Math.min(served * SIZE, maxBytes);
  // A viewer who follows is served all the same, on a ticket of his own.
  expect(sha256Of(await (await fetch(location)).bytes())).toBe(file.sha256);
  owedBytes += SIZE;
});

test("many uses of one ticket at the same moment do not get past its allowance", async () => {
  const location = await ticketedUrl(file.url);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(location)));
  const served = answers.filter(({ status }) => status === 200).length;
  expect(served).toBeGreaterThan(0);
  expect(served).toBeLessThanOrEqual(2);
  owedBytes += Math.min(served * SIZE, allowanceOf(location, await masterKey()));
});

test("for all of the above exactly what good tickets were used for is paid", async () => {
  expect(await settledPaidBytes(stage.admin)).toBe(owedBytes);
});

test("an expired ticket sends the viewer back to the site, who is then served", async () => {
  await using brief = await openStage({ routerFlags: ["--ticket-life", "1s"] });
  const { pid } = await brief.startTerminal(1);
  const film = await brief.publish("/film.bin", SIZE);
  const location = await ticketedUrl(film.url);
  const { siteHost, target } = partsOf(location);
  const sentBack = await until("the ticket to expire", async () => {
    const answer = await ask(location, { Range: "bytes=0-0" });
    return answer.status === 307 ? answer : undefined;
  });
  expect(sentBack.location).toBe(`http://${siteHost}${target}`);
  const paidBefore = await settledPaidBytes(brief.admin);
  for (let use = 0; use < 5; use += 1) expect((await ask(location)).status).toBe(307);
  expect(await settledPaidBytes(brief.admin)).toBe(paidBefore);
  expect(sha256Of(await (await fetch(location)).bytes())).toBe(film.sha256);
  expect(isAlive(pid)).toBe(true);
}, 30_000);
