import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "./error.ts";
import { MAX_OBJECT_BYTES } from "./object.ts";
import {
  deriveRouterTagKey,
  deriveTicketKey,
  openTicket,
  readClaimTicket,
  sealTicket,
  TICKET_CHARS,
  type Ticket,
  ticketGroup,
  ticketKeyDay,
} from "./ticket.ts";

const MASTER_KEY = new Uint8Array(32).fill(1);
const TERMINAL_ID = "5a".repeat(32);
const DAY = 20_000;
const NOW_SECONDS = DAY * 86_400 + 5;
const routerTagKey = deriveRouterTagKey(MASTER_KEY);
const terminalKey = deriveTicketKey(MASTER_KEY, TERMINAL_ID, DAY);
const siteHost = "video.example.com";
const seal = { routerTagKey, terminalKey, siteHost };
const context = {
  terminalId: TERMINAL_ID,
  keyFor: (day: number) => (day === DAY ? terminalKey : undefined),
  siteHost,
  nowSeconds: NOW_SECONDS,
};
const TICKET: Ticket = {
  keyDay: DAY,
  terminalId16: TERMINAL_ID.slice(0, 32),
  objectId: "01".repeat(32),
  headersId: "02".repeat(8),
  siteId: "03".repeat(8),
  firstByte: 0,
  lastByte: 999,
  maxBytes: 1000,
  expiresAt: NOW_SECONDS + 60,
  nonce: "04".repeat(16),
  clientNetwork: "05".repeat(8),
};

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString("hex"));
const tickets: fc.Arbitrary<Ticket> = fc
  .record({
    objectId: hex(32),
    headersId: hex(8),
    siteId: hex(8),
    nonce: hex(16),
    clientNetwork: hex(8),
    span: fc.tuple(
      fc.integer({ min: 0, max: MAX_OBJECT_BYTES - 1 }),
      fc.integer({ min: 0, max: MAX_OBJECT_BYTES - 1 }),
    ),
    maxBytes: fc.maxSafeNat(),
    expiresAt: fc.integer({ min: NOW_SECONDS + 1, max: 0xffff_ffff }),
  })
  .map(({ span, ...rest }) => ({
    ...rest,
    keyDay: DAY,
    terminalId16: TERMINAL_ID.slice(0, 32),
    firstByte: Math.min(...span),
    lastByte: Math.max(...span),
  }));

function flipBit(text: string, bit: number): string {
  const raw = Buffer.from(text, "base64url");
  raw[bit >> 3] = (raw[bit >> 3] as number) ^ (1 << (bit & 7));
  return raw.toString("base64url");
}

test("openTicket() and readClaimTicket() give back what sealTicket() wrote", () => {
  fc.assert(
    fc.property(tickets, (ticket) => {
      const text = sealTicket(ticket, seal);
      expect(text).toHaveLength(TICKET_CHARS);
      expect(openTicket(text, context)).toEqual({ ok: true, ticket });
      expect(readClaimTicket(text, { routerTagKey })).toEqual({ ok: true, ticket });
    }),
  );
});

test("openTicket() refuses every flipped bit, both tags included", () => {
  const text = sealTicket(TICKET, seal);
  for (let bit = 0; bit < 153 * 8; bit++) {
    const verdict = openTicket(flipBit(text, bit), context);
    const expected = bit < 8 ? "malformed" : bit < 40 ? "unknown-key" : bit < 168 ? "foreign" : "forged";
    expect(verdict).toEqual({ ok: false, reason: expected });
  }
});

test("readClaimTicket() refuses every flipped bit of what the Router tagged", () => {
  const text = sealTicket(TICKET, seal);
  for (let bit = 0; bit < 137 * 8; bit++) {
    expect(readClaimTicket(flipBit(text, bit), { routerTagKey }).ok).toBe(false);
  }
});

test("readClaimTicket() does not take a ticket that a Terminal tagged itself, and names its nonce", () => {
  const minted = sealTicket(TICKET, { ...seal, routerTagKey: terminalKey });
  expect(openTicket(minted, context).ok).toBe(true);
  expect(readClaimTicket(minted, { routerTagKey })).toEqual({ ok: false, reason: "forged", nonce: TICKET.nonce });
});

test("openTicket() binds the site host", () => {
  const text = sealTicket(TICKET, seal);
  for (const other of ["evil.example", "video.example.com:80", "Video.example.com", ""]) {
    expect(openTicket(text, { ...context, siteHost: other })).toEqual({ ok: false, reason: "forged" });
  }
});

test("openTicket() is valid up to the second before expiry and gives the fields of an expired ticket", () => {
  const text = sealTicket(TICKET, seal);
  expect(openTicket(text, { ...context, nowSeconds: TICKET.expiresAt - 1 }).ok).toBe(true);
  const late = openTicket(text, { ...context, nowSeconds: TICKET.expiresAt });
  expect(late).toEqual({ ok: false, reason: "expired", ticket: TICKET });
});

test("openTicket() calls an expired forgery forged", () => {
  const text = flipBit(sealTicket({ ...TICKET, expiresAt: 1 }, seal), 153 * 8 - 1);
  expect(openTicket(text, context)).toEqual({ ok: false, reason: "forged" });
});

test("openTicket() refuses a genuine tag over numbers no Router may write", () => {
  const text = sealTicket({ ...TICKET, firstByte: 5, lastByte: 5 }, seal);
  const raw = Buffer.from(text, "base64url");
  raw.writeBigUInt64BE(4n, 77); // lastByte before firstByte
  const tag = new Bun.CryptoHasher("sha256", terminalKey).update(raw.subarray(0, 137)).update(siteHost).digest();
  raw.set(tag.subarray(0, 16), 137);
  expect(openTicket(raw.toString("base64url"), context)).toEqual({ ok: false, reason: "malformed" });
});

test("openTicket() refuses other spellings of a good ticket", () => {
  const text = sealTicket({ ...TICKET, objectId: "ff".repeat(32) }, seal);
  expect(text).toContain("_");
  const variants = [text.replace("_", "/"), ` ${text.slice(1)}`, `${text.slice(0, -1)}=`, "", text.slice(0, -1)];
  for (const variant of variants) expect(openTicket(variant, context)).toEqual({ ok: false, reason: "malformed" });
  expect(openTicket(`${text}=`, context)).toEqual({ ok: false, reason: "over-long" });
});

test("openTicket() and readClaimTicket() throw for no text", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    hex(102).map((text) => text.slice(0, TICKET_CHARS)),
    fc.uint8Array({ minLength: 153, maxLength: 153 }).map((b) => Buffer.from(b).toString("base64url")),
  );
  fc.assert(fc.property(texts, (text) => !openTicket(text, context).ok && !readClaimTicket(text, { routerTagKey }).ok));
});

test("sealTicket() refuses fields outside their bounds", () => {
  const changes: Partial<Ticket>[] = [
    { keyDay: -1 },
    { keyDay: 2 ** 32 },
    { terminalId16: TERMINAL_ID },
    { objectId: "zz".repeat(32) },
    { headersId: "" },
    { siteId: "0".repeat(15) },
    { firstByte: 1000 },
    { firstByte: 0.5 },
    { lastByte: MAX_OBJECT_BYTES },
    { maxBytes: -1 },
    { maxBytes: 2 ** 53 },
    { expiresAt: Number.NaN },
    { nonce: "04".repeat(15) },
    { clientNetwork: "zz".repeat(8) },
  ];
  for (const change of changes) expect(() => sealTicket({ ...TICKET, ...change }, seal)).toThrow(ProtocolError);
});

test("deriveTicketKey() differs by Terminal and day", () => {
  const keys = [
    terminalKey,
    routerTagKey,
    deriveTicketKey(MASTER_KEY, TERMINAL_ID, DAY + 1),
    deriveTicketKey(MASTER_KEY, "5b".repeat(32), DAY),
    deriveTicketKey(new Uint8Array(32), TERMINAL_ID, DAY),
  ];
  expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(keys.length);
  expect(() => deriveTicketKey(MASTER_KEY, "5a", DAY)).toThrow(ProtocolError);
});

test("ticketKeyDay() turns at midnight UTC", () => {
  expect([0, 86_399, 86_400].map(ticketKeyDay)).toEqual([0, 0, 1]);
});

test("ticketGroup() is the same for the tickets of one answer", () => {
  expect(ticketGroup(`${"0f".repeat(15)}00`)).toBe(ticketGroup(`${"0f".repeat(15)}02`));
  expect(ticketGroup("04".repeat(16))).toBe("04".repeat(15));
});
