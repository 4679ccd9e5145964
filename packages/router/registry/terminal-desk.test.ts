import { expect, test } from "bun:test";
import { TerminalDesk } from "./terminal-desk.ts";
import { channelDeps, connectTerminal, NOW_MS } from "./testing.ts";

test("answer() to a heartbeat tells the Router's time", async () => {
  const { terminal, sent } = connectTerminal();
  const desk = new TerminalDesk(terminal, channelDeps());
  const counts = { openTransfers: 0, egressBytesPerSecond: 0, cpuLoad: 0, freeMemoryBytes: 0, objectCount: 0 };
  const room = { remainingBytes: 1, quotaBytes: 1, indexDigest: "00".repeat(32) };
  await desk.answer({ type: "heartbeat", sequence: 7, ...counts, ...room });
  expect(sent).toContainEqual({ type: "ok", sequence: 7, timeMs: NOW_MS });
});
