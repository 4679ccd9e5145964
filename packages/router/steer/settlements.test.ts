import { expect, test } from "bun:test";
import { type Signal, signalSchema } from "../bus/message.ts";
import { createRegistry } from "../registry/registry.ts";
import { connectTerminal } from "../registry/testing.ts";
import { Settlements } from "./settlements.ts";

test("Settlements takes paid bytes off this Router's tickets, awaits nothing more then, and tells the other whose they are", async () => {
  const { terminal } = connectTerminal();
  const registry = createRegistry();
  registry.add(terminal);
  const nowSeconds = () => Math.floor(terminal.connectedAtMs / 1000);
  const expiresAt = nowSeconds() + 100;
  terminal.tickets.issue(1000, expiresAt, nowSeconds());
  const said: Signal[] = [];
  const signal = (told: Signal) => void said.push(told);
  const ofMark = (mark: string) => new Settlements({ registry, mark, signal, nowSeconds });
  using here = ofMark("aaaa");
  using there = ofMark("bbbb");
  const nonce = (mark: string) => mark + "0".repeat(28);
  terminal.awaitedSinceMs = terminal.connectedAtMs - 5000;
  here.note(terminal, { nonce: nonce("aaaa"), expiresAt }, 300);
  expect(terminal.tickets.bytes(nowSeconds())).toBe(700);
  // What is left was not claimed yet, but the wait for it begins anew.
  expect(terminal.awaitedSinceMs).toBe(terminal.connectedAtMs);
  terminal.awaitedSinceMs = terminal.connectedAtMs - 5000;
  there.note(terminal, { nonce: nonce("aaaa"), expiresAt }, 100);
  there.note(terminal, { nonce: nonce("aaaa"), expiresAt }, 100);
  there.note(terminal, { nonce: nonce("bbbb"), expiresAt }, 0);
  expect(terminal.tickets.bytes(nowSeconds())).toBe(700);
  // Those are another Router's tickets, or nothing: this one goes on waiting for bytes on its own.
  expect(terminal.awaitedSinceMs).toBe(terminal.connectedAtMs - 5000);
  const endMs = performance.now() + 5000;
  while (said.length === 0 && performance.now() < endMs) await Bun.sleep(10);
  expect(said).toEqual([{ type: "settled", mark: "aaaa", paid: [[terminal.id, expiresAt, 200]] }]);
  for (const told of said.map((each) => signalSchema.parse(each))) {
    if (told.type !== "settled") continue;
    here.take(told);
    there.take(told);
  }
  expect(terminal.tickets.bytes(nowSeconds())).toBe(500);
  expect(terminal.awaitedSinceMs).toBe(terminal.connectedAtMs);
  here.note(terminal, { nonce: nonce("aaaa"), expiresAt }, 500);
  expect(terminal.awaitedSinceMs).toBeUndefined();
});
