import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { deriveTicketKey, openTicket, type Ticket, ticketGroup } from "@neson/protocol/ticket";
import type { CatalogEntry } from "../catalog/entry.ts";
import { prepare } from "../policy/prepare.ts";
import { ConnectedTerminal } from "../registry/connected-terminal.ts";
import { createRegistry } from "../registry/registry.ts";
import { siteSchema } from "../sites/site.ts";
import { createSteerer } from "./steerer.ts";
import { createTicketMint } from "./ticket-mint.ts";

const MASTER = new Uint8Array(32).fill(9);
const NOW_SECONDS = 1_800_000_000;
const SITE = siteSchema.parse({ name: "shop", hosts: ["shop.example"], origin: "http://o" });
const SIZE = 5_000_000;
const idOf = (text: string) => createHash("sha256").update(text).digest("hex");

function entryOf(name: string, size = SIZE, contentType = "video/mp4"): CatalogEntry {
  const response = {
    status: 200,
    headers: ["Content-Type", contentType],
    requestTimeMs: 0,
    responseTimeMs: 0,
    vary: [] as [string, string | null][],
  };
  return {
    ...response,
    facts: prepare(response),
    site: "shop",
    key: `/${name}`,
    variant: "",
    createdAtMs: 0,
    object: { objectId: idOf(name), size, pieceSize: 262_144, sha256: idOf("whole") },
    headersId: "01".repeat(8),
  };
}

function network(count: number, hosts = (index: number) => `10.0.0.${index + 1}`) {
  let nowMs = NOW_SECONDS * 1000;
  const registry = createRegistry();
  const saves: { terminal: string; objectId: string }[] = [];
  const join = (index: number) => {
    const terminal = new ConnectedTerminal({
      id: idOf(`terminal ${index}`),
      endpoint: `http://${hosts(index)}:${9000 + index}`,
      nowMs,
      capacityBytesPerSecond: 1e8,
      send: () => {},
    });
    terminal.report = {
      openTransfers: 0,
      egressBytesPerSecond: 0,
      cpuLoad: 0,
      remainingBytes: 1e12,
      quotaBytes: 1e12,
      objectCount: 0,
      indexDigest: "",
    };
    registry.add(terminal);
    return terminal;
  };
  const terminals = Array.from({ length: count }, (_, index) => join(index));
  const mint = createTicketMint(
    { masterKey: MASTER, ticketSeconds: 300 },
    { nowMs: () => nowMs, randomBytes: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)) },
  );
  const steerer = createSteerer({
    registry,
    mint,
    nowMs: () => nowMs,
    save: (terminal, entry) => void saves.push({ terminal: terminal.id, objectId: entry.object.objectId }),
  });
  const steer = (name: string, range?: { first: number; last: number }) =>
    steerer.steer({
      entry: entryOf(name),
      site: SITE,
      siteHost: "shop.example:8080",
      target: "/a%20b?q=1",
      clientAddress: "198.51.100.7",
      ...(range === undefined ? {} : { range }),
    })?.urls ?? [];
  const advance = (ms: number) => {
    nowMs += ms;
  };
  return { steer, steerer, registry, terminals, saves, advance };
}

const hostOf = (url: string | undefined) => new URL(url ?? "http://none").hostname;

function ticketIn(url: string, terminals: ConnectedTerminal[]): Ticket {
  const { host, pathname } = new URL(url);
  const terminal = terminals.find(({ endpoint }) => endpoint.endsWith(host));
  const id = terminal?.id ?? "";
  const verdict = openTicket(pathname.split("/")[2] ?? "", {
    terminalId: id,
    keyFor: (day) => deriveTicketKey(MASTER, id, day),
    siteHost: "shop.example:8080",
    nowSeconds: NOW_SECONDS,
  });
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.ticket;
}

test("steer() gives a location and two mirrors at distinct hosts, each with a ticket its own Terminal opens", () => {
  const { steer, terminals } = network(5);
  const urls = steer("a");
  expect(urls.length).toBe(3);
  expect(new Set(urls.map(hostOf)).size).toBe(3);
  const tickets = urls.map((url) => ticketIn(url, terminals));
  expect(new Set(tickets.map(({ nonce }) => nonce)).size).toBe(3);
  expect(new Set(tickets.map(({ nonce }) => ticketGroup(nonce))).size).toBe(1);
  for (const ticket of tickets) {
    expect(ticket).toMatchObject({ objectId: idOf("a"), firstByte: 0, lastByte: SIZE - 1 });
    expect(ticket.maxBytes).toBeLessThan(SIZE * 1.2);
    expect(ticket.expiresAt).toBe(NOW_SECONDS + 300);
  }
  for (const url of urls) expect(url).toEndWith("/shop.example:8080/a%20b?q=1");
});

test("steer() spreads one hot object over its three replicas evenly", () => {
  const { steer } = network(10);
  const counts = new Map<string, number>();
  for (let request = 0; request < 300; request += 1) {
    const host = hostOf(steer("hot")[0]);
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  expect([...counts.values()].filter((count) => count >= 20).length).toBeGreaterThanOrEqual(3);
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(110);
});

test("steer() never names a Terminal that has left, from the very next answer on", () => {
  const { steer, registry, terminals } = network(4);
  const named = hostOf(steer("a")[0]);
  const leaver = terminals.find(({ host }) => host === named);
  expect(leaver).toBeDefined();
  if (leaver !== undefined) registry.remove(leaver);
  for (let request = 0; request < 50; request += 1) expect(steer("a").map(hostOf)).not.toContain(leaver?.host ?? "");
});

test("steer() names nobody who gives no answer, and remembers since when it awaits bytes of whom it sends viewers to", () => {
  const { steer, terminals, advance } = network(3);
  const mute = terminals[0];
  if (mute !== undefined) mute.isUnreachable = true;
  for (let request = 0; request < 20; request += 1) expect(steer("a").map(hostOf)).not.toContain(mute?.host ?? "");
  expect(mute?.awaitedSinceMs).toBeUndefined();
  const first = terminals.find(({ awaitedSinceMs }) => awaitedSinceMs !== undefined);
  expect(first?.awaitedSinceMs).toBe(NOW_SECONDS * 1000);
  advance(1000);
  for (let request = 0; request < 20; request += 1) steer("a");
  expect(first?.awaitedSinceMs).toBe(NOW_SECONDS * 1000);
});

test("steer() leaves out a Terminal that just failed to save the object, for a minute and for this object alone", () => {
  const { steer, terminals, advance } = network(3);
  const failed = terminals[0];
  failed?.noteFailed(idOf("a"), NOW_SECONDS * 1000);
  expect(steer("a").map(hostOf)).not.toContain(failed?.host ?? "");
  expect(steer("b").map(hostOf)).toContain(failed?.host ?? "");
  advance(61_000);
  expect(steer("a").map(hostOf)).toContain(failed?.host ?? "");
});

test("stored() brings a Terminal back that had nothing to fill from, but none that failed by itself", () => {
  const { steer, steerer, terminals, saves } = network(2);
  const [lacking, failed] = terminals;
  lacking?.noteLacked(idOf("a"), NOW_SECONDS * 1000);
  failed?.noteFailed(idOf("a"), NOW_SECONDS * 1000);
  expect(steer("a")).toEqual([]);
  steerer.stored(entryOf("a"), SITE);
  expect(steer("a").map(hostOf)).toEqual([lacking?.host ?? ""]);
  expect(saves.map(({ terminal }) => terminal)).toEqual([lacking?.id ?? ""]);
});

test("steer() names a host only once, and nobody when there is nobody", () => {
  const { steer } = network(6, () => "10.0.0.1");
  expect(steer("a").length).toBe(1);
  expect(network(0).steer("a")).toEqual([]);
});

test("stored() places a steered object on three Terminals with room, and a page or small file nowhere", () => {
  const { steerer, saves, terminals } = network(6);
  const full = terminals[2];
  if (full?.report !== undefined) full.report = { ...full.report, remainingBytes: 10 };
  for (let object = 0; object < 50; object += 1) steerer.stored(entryOf(`film ${object}`), SITE);
  expect(saves.length).toBe(150);
  expect(saves.some(({ terminal }) => terminal === full?.id)).toBe(false);
  steerer.stored(entryOf("page", SIZE, "text/html"), SITE);
  steerer.stored(entryOf("icon", 1000, "image/png"), SITE);
  expect(saves.length).toBe(150);
});
