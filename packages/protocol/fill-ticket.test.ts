import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "./error.ts";
import { deriveFillKey, FILL_TICKET_CHARS, openFillTicket, sealFillTicket } from "./fill-ticket.ts";

const KEY = deriveFillKey(new Uint8Array(32).fill(1));
const hex32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString("hex"));
const tickets = fc.record({ objectId: hex32, terminalId: hex32, expiresAt: fc.integer({ min: 1, max: 0xffff_ffff }) });

test("openFillTicket() gives back what sealFillTicket() wrote", () => {
  fc.assert(
    fc.property(tickets, (ticket) => {
      const text = sealFillTicket(ticket, KEY);
      expect(text).toHaveLength(FILL_TICKET_CHARS);
      expect(openFillTicket(text, KEY, ticket.expiresAt - 1)).toEqual({ ok: true, ticket });
      expect(openFillTicket(text, KEY, ticket.expiresAt)).toEqual({ ok: false, reason: "expired" });
    }),
  );
});

test("openFillTicket() refuses every flipped bit", () => {
  const text = sealFillTicket({ objectId: "ab".repeat(32), terminalId: "cd".repeat(32), expiresAt: 9 }, KEY);
  const raw = Buffer.from(text, "base64url");
  for (let bit = 0; bit < raw.length * 8; bit++) {
    const changed = Buffer.from(raw);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(openFillTicket(changed.toString("base64url"), KEY, 1).ok).toBe(false);
  }
});

test("openFillTicket() says why, and throws for no text", () => {
  const text = sealFillTicket({ objectId: "ab".repeat(32), terminalId: "cd".repeat(32), expiresAt: 9 }, KEY);
  expect(openFillTicket(`${text}A`, KEY, 1)).toEqual({ ok: false, reason: "over-long" });
  expect(openFillTicket(text.slice(1), KEY, 1)).toEqual({ ok: false, reason: "malformed" });
  expect(openFillTicket(text, new Uint8Array(32), 1)).toEqual({ ok: false, reason: "forged" });
  fc.assert(fc.property(fc.string({ maxLength: 130 }), (junk) => !openFillTicket(junk, KEY, 1).ok));
});

test("sealFillTicket() refuses fields outside their bounds", () => {
  const good = { objectId: "ab".repeat(32), terminalId: "cd".repeat(32), expiresAt: 9 };
  for (const change of [
    { objectId: "ab" },
    { terminalId: "zz".repeat(32) },
    { expiresAt: 2 ** 32 },
    { expiresAt: 0.5 },
  ]) {
    expect(() => sealFillTicket({ ...good, ...change }, KEY)).toThrow(ProtocolError);
  }
});
