import { expect, test } from "bun:test";
import { statusSchema } from "@neson/terminal/panel/status";
import { createStatus } from "@neson/terminal/panel/status-of";
import { realisticSources } from "@neson/terminal/panel/testing/realistic-sources";
import { statusLines } from "./status-lines.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 18);
const PLAIN = { hasColour: false, hasUnicode: false };
const RICH = { hasColour: true, hasUnicode: true };
const ESCAPE = "\u001b";

/** What is seen of a line. */
function withoutColours(line: string): string {
  return line
    .split(ESCAPE)
    .map((part, index) => (index === 0 ? part : part.replace(/^\[\d+m/, "")))
    .join("");
}

function statusOf(changes: Parameters<typeof realisticSources>[1] = {}, isLeaving = false) {
  const clock = { nowMs: () => NOW_MS, sleep: async () => {} };
  return statusSchema.parse(
    createStatus(
      realisticSources(() => NOW_MS, changes),
      clock,
      () => isLeaving,
    )(),
  );
}

function textOf(changes: Parameters<typeof realisticSources>[1] = {}, isLeaving = false): string {
  return statusLines(statusOf(changes, isLeaving), PLAIN).join("\n");
}

test("statusLines() says who, where, how much, how good and what it earned", () => {
  expect(statusLines(statusOf(), PLAIN)).toEqual([
    "Terminal 7d1c0e4be01f  version 0.4.0, up 2 days",
    "  https://t1.example.net:8443",
    "  connected to https://router.example.com",
    "",
    "  now       41.7 MiB/s, 164 answers/s, 38 open transfers",
    "  today     1.02 TiB in 4,029,487 answers, 97.0% hits",
    "  storage   ####################.......... 132 GiB of 200 GiB",
    "            8,350 objects, 4 partial",
    "  earned    1 TiB paid for today, 4.18 GiB refused, 58 TiB in all",
    "  score     wrong bytes   .......... 0 of 18,204 checks failed",
    "            missing       ###....... 3 of 18,204 checks failed",
    "            not reachable ######.... 212 of 86,400 checks failed",
    "",
    expect.stringMatching(/^warn Score: /),
    expect.stringMatching(/^ {5}failed/),
    expect.stringMatching(/^ {5}silent/),
    expect.stringMatching(/^ {7}Keep the machine on/),
    expect.any(String),
  ]);
});

test("statusLines() keeps to 80 columns, with colours and without", () => {
  const refusal = { code: "unreachable-endpoint", message: "no answer ".repeat(40), atMs: NOW_MS };
  const status = statusOf({ connection: () => ({ isConnected: false, lastRefusal: refusal }) });
  for (const look of [PLAIN, RICH]) {
    const lines = statusLines(status, look).map(withoutColours);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  }
  expect(statusLines(status, PLAIN).join("\n")).not.toMatch(/[^\n\x20-\x7e]/);
});

test("statusLines() says that it is not connected, and what to do about it", () => {
  const refusal = { code: "unreachable-endpoint", message: "no route\u001b[2J", atMs: NOW_MS };
  const text = textOf({ connection: () => ({ isConnected: false, lastRefusal: refusal }) });
  expect(text).toContain("NOT connected to https://router.example.com");
  expect(text).toContain("FAIL Viewers cannot reach this Terminal");
  expect(text).toContain("     Open the listening port");
  expect(text).not.toContain("\u001b");
});

test("statusLines() of a Terminal that nobody has used yet invents nothing", () => {
  const { traffic } = realisticSources(() => NOW_MS);
  const nothing = { answers: [], hits: [], bytes: [] };
  const quiet = { totals: () => traffic.totals(), recent: () => nothing, days: () => [] };
  const text = textOf({ standing: () => undefined, traffic: quiet });
  expect(text).toContain("  now       0 bytes/s, 0 answers/s");
  expect(text).toContain("  today     nothing asked for yet");
  expect(text).toContain("the Router has not reported anything yet");
  expect(text).not.toContain("score");
});

test("statusLines() says that it is leaving", () => {
  expect(textOf({}, true)).toContain("leaving https://router.example.com");
});
