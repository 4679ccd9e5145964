import { expect, test } from "bun:test";
import type { Ticket } from "@neson/protocol/ticket";
import { TerminalDesk } from "./terminal-desk.ts";
import { channelDeps, connectTerminal, NOW_MS } from "./testing.ts";

const TICKET = { nonce: "00".repeat(16), expiresAt: NOW_MS / 1000 + 300 } as Ticket;

test("answer() to claims awaits nothing more of a Terminal once bytes were paid, but not for a claim that brought none", async () => {
  const { terminal } = connectTerminal();
  let addedBytes = 0;
  const meter = { claim: async () => ({ accepted: [{ ticket: TICKET, addedBytes }], refused: [] }) };
  const desk = new TerminalDesk(terminal, channelDeps({ meter }));
  terminal.awaitedSinceMs = NOW_MS;
  await desk.answer({ type: "claims", id: "c1", claims: [] });
  expect(terminal.awaitedSinceMs).toBe(NOW_MS);
  addedBytes = 10;
  await desk.answer({ type: "claims", id: "c2", claims: [] });
  expect(terminal.awaitedSinceMs).toBeUndefined();
});

test("answer() to a heartbeat tells the Router's time", async () => {
  const { terminal, sent } = connectTerminal();
  const desk = new TerminalDesk(terminal, channelDeps());
  const counts = { openTransfers: 0, egressBytesPerSecond: 0, cpuLoad: 0, freeMemoryBytes: 0, objectCount: 0 };
  const room = { remainingBytes: 1, quotaBytes: 1, indexDigest: "00".repeat(32) };
  await desk.answer({ type: "heartbeat", sequence: 7, ...counts, ...room });
  expect(sent).toContainEqual({ type: "ok", sequence: 7, timeMs: NOW_MS });
});
