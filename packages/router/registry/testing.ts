import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { generateIdentity, type Identity, terminalIdOf } from "@neson/protocol/identity";
import type { RouterMessage } from "@neson/protocol/messages";
import type { ChannelDeps } from "./channel.ts";
import { ConnectedTerminal } from "./connected-terminal.ts";
import { createRegistry } from "./registry.ts";

/** Where `FakeClock`s of these tests begin. */
export const NOW_MS = 1_800_000_000_000;

/** Hardware of a Terminal under test. */
export const HARDWARE = {
  platform: "linux",
  cpuModel: "x",
  cpuCores: 1,
  memoryBytes: 1,
  disk: { kind: "ssd" as const, totalBytes: 1, freeBytes: 1 },
  isSmall: false,
};

/** A Terminal whose messages are kept in `sent`. */
export interface TestTerminal {
  terminal: ConnectedTerminal;
  identity: Identity;
  sent: RouterMessage[];
}

/** A connected Terminal with a fresh key. */
export function connectTerminal(version = "1.0.0"): TestTerminal {
  const sent: RouterMessage[] = [];
  const identity = generateIdentity();
  const terminal = new ConnectedTerminal({
    id: terminalIdOf(identity.publicKey),
    endpoint: "http://127.0.0.2:1",
    nowMs: NOW_MS,
    capacityBytesPerSecond: 1,
    send: (message) => void sent.push(message),
    introduction: { publicKey: identity.publicKey, version, hardware: HARDWARE },
  });
  return { terminal, identity, sent };
}

/** What a channel calls on, doing nothing and refusing nothing but for what `change` says. */
export function channelDeps(change: Partial<ChannelDeps> = {}): ChannelDeps {
  return {
    registry: createRegistry(),
    clock: new FakeClock(NOW_MS),
    log: silentLog,
    routerCount: () => 1,
    settlements: { note: () => {} },
    controlUrl: () => "http://router.example",
    challenge: () => "5a".repeat(32),
    ticketKeysOf: () => [{ day: 1, key: Buffer.alloc(32).toString("base64url") }],
    dialBack: async () => undefined,
    meter: { claim: async () => ({ accepted: [], refused: [] }) },
    saves: { place: async () => {}, answerWant: async (want) => ({ type: "nothing", id: want.id, reason: "none" }) },
    audits: { answer: () => {}, left: () => {} },
    purgeOrders: { answer: () => {}, left: () => {}, beforeWelcome: async () => () => {} },
    speeds: { answer: (id) => ({ type: "nothing", id, reason: "busy" }) },
    presence: { joined: () => {}, lost: () => {}, unreachable: () => {}, changed: () => {} },
    ticketed: { has: () => false },
    purgedAmong: async () => [],
    publishedHeaders: async () => new Set(),
    ...change,
  };
}
