import { hkdfSync } from "node:crypto";
import { fromHex, keyedHmacSha256, sha256, toHex } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { MAX_OBJECT_BYTES } from "./object.ts";

/** The right to fetch one object, or a part of it, from one Terminal. Integers in the layout are big-endian. */
export interface Ticket {
  /** Day the Terminal's key belongs to: `ticketKeyDay`. */
  keyDay: number;
  /** First half of the Terminal's id, 32 hex characters. */
  terminalId16: string;
  /** 64 hex characters. */
  objectId: string;
  /** Which of the object's header sets to answer with, 16 hex characters. */
  headersId: string;
  /** `siteIdOf` the site's name, 16 hex characters. */
  siteId: string;
  /** First byte that may be asked for. */
  firstByte: number;
  /** Last byte that may be asked for, inclusive; 0 for the empty object. */
  lastByte: number;
  /** Body bytes that this ticket may be paid for. */
  maxBytes: number;
  /** Unix seconds; valid while now < expiresAt. */
  expiresAt: number;
  /** 32 hex characters; the first 30 are the group, the last two the ticket's index in its answer. */
  nonce: string;
  /** Digest of the client's network, 16 hex characters; means something to Routers only. */
  clientNetwork: string;
}

/**
 * Why a ticket is refused: `over-long` and `malformed` judge the text, `foreign` another Terminal's, `unknown-key` a day
 * whose key is not at hand, `forged` a wrong tag, `expired` a genuine ticket after its time.
 */
export type TicketRefusal = "malformed" | "over-long" | "foreign" | "unknown-key" | "forged" | "expired";

const VERSION = 1;
// Where each field starts; the layout is fixed and has no padding.
const AT = {
  keyDay: 1,
  terminal: 5,
  object: 21,
  headers: 53,
  site: 61,
  firstByte: 69,
  lastByte: 77,
  maxBytes: 85,
  expiresAt: 93,
  nonce: 97,
  clientNetwork: 113,
  routerTag: 121,
  terminalTag: 137,
  end: 153,
} as const;
const TAG_BYTES = 16;
const U32 = 2 ** 32;
const DAY_SECONDS = 86_400;

// Tickets are written on the path of every steered request, one at a time: one buffer and its views serve all of them, so that
// nothing but the text is left for the garbage collector.
const SCRATCH = Buffer.alloc(AT.end);
const UNTAGGED = SCRATCH.subarray(0, AT.routerTag);
const ROUTER_TAGGED = SCRATCH.subarray(0, AT.terminalTag);

// Reading needs a buffer of its own: a Router reads one ticket while it has written another.
const READ_SCRATCH = Buffer.alloc(AT.end);
const READ_UNTAGGED = READ_SCRATCH.subarray(0, AT.routerTag);
const READ_ROUTER_TAGGED = READ_SCRATCH.subarray(0, AT.terminalTag);

/** Length of every ticket's text. 153 bytes fill 204 base64url characters exactly: no padding, no spare bits. */
export const TICKET_CHARS = 204;

/** First 8 bytes of SHA-256 of the site's name, 16 hex characters. */
export function siteIdOf(siteName: string): string {
  return toHex(sha256(Buffer.from(siteName)).subarray(0, 8));
}

/** Number of whole UTC days since 1970, which names the key in use. */
export function ticketKeyDay(nowSeconds: number): number {
  return Math.floor(nowSeconds / DAY_SECONDS);
}

/**
 * The key of one Terminal on one day: HKDF-SHA256 (RFC 5869), no salt, info = "neson-ticket-key-1\n" ‖ terminal id
 * (32 bytes) ‖ day u32, 32 bytes out.
 *
 * @throws ProtocolError `bad-key` unless the id is 64 hex characters and the day fits 32 bits
 */
export function deriveTicketKey(masterKey: Uint8Array, terminalId: string, keyDay: number): Uint8Array {
  const terminal = fromHex(terminalId);
  if (terminal?.length !== 32 || !isCount(keyDay, U32 - 1)) {
    throw new ProtocolError(
      "bad-key",
      `ticket key of Terminal "${terminalId}", day ${keyDay}: allowed are 64 hex, u32`,
    );
  }
  const day = Buffer.alloc(4);
  day.writeUInt32BE(keyDay);
  return deriveKey(masterKey, Buffer.concat([Buffer.from("neson-ticket-key-1\n"), terminal, day]));
}

/** The key of the tag that only Routers can make: HKDF-SHA256 with info "neson-router-tag-1\n", 32 bytes. */
export function deriveRouterTagKey(masterKey: Uint8Array): Uint8Array {
  return deriveKey(masterKey, Buffer.from("neson-router-tag-1\n"));
}

/** What seals a ticket. */
export interface TicketSeal {
  routerTagKey: Uint8Array;
  /** `deriveTicketKey` of the ticket's Terminal and day. */
  terminalKey: Uint8Array;
  /** Host as it will stand in the path, port included; bound so that a Terminal is no open redirect. */
  siteHost: string;
}

/**
 * Writes the ticket as `TICKET_CHARS` characters of base64url.
 *
 * @throws ProtocolError `bad-ticket` when a field is outside its bound
 */
export function sealTicket(ticket: Ticket, { routerTagKey, terminalKey, siteHost }: TicketSeal): string {
  checkTicket(ticket);
  const raw = SCRATCH;
  raw[0] = VERSION;
  raw.writeUInt32BE(ticket.keyDay, AT.keyDay);
  const who = ticket.terminalId16 + ticket.objectId + ticket.headersId + ticket.siteId;
  const written = raw.write(who, AT.terminal, "hex") + raw.write(ticket.nonce + ticket.clientNetwork, AT.nonce, "hex");
  if (written !== 88) throw new ProtocolError("bad-ticket", "ticket: an id is not hex");
  writeU64(raw, ticket.firstByte, AT.firstByte);
  writeU64(raw, ticket.lastByte, AT.lastByte);
  writeU64(raw, ticket.maxBytes, AT.maxBytes);
  raw.writeUInt32BE(ticket.expiresAt, AT.expiresAt);
  writeTag(raw, AT.routerTag, keyedHmacSha256(routerTagKey, UNTAGGED));
  writeTag(raw, AT.terminalTag, keyedHmacSha256(terminalKey, ROUTER_TAGGED, siteHost));
  return raw.toString("base64url");
}

/** What a Terminal needs to judge a ticket. */
export interface TicketContext {
  /** The Terminal's own full id. */
  terminalId: string;
  /** The Terminal's key of that day, if it has one. */
  keyFor(keyDay: number): Uint8Array | undefined;
  /** Host as it stands in the path. */
  siteHost: string;
  nowSeconds: number;
}

/** A Terminal's verdict. An expired ticket is genuine, so its fields come along. */
export type TicketVerdict = { ok: true; ticket: Ticket } | { ok: false; reason: TicketRefusal; ticket?: Ticket };

/** Reads a ticket as the Terminal it was written for. Never throws. */
export function openTicket(text: string, context: TicketContext): TicketVerdict {
  const raw = decode(text);
  if (typeof raw === "string") return { ok: false, reason: raw };
  if (raw.toString("hex", AT.terminal, AT.object) !== context.terminalId.slice(0, 32)) {
    return { ok: false, reason: "foreign" };
  }
  const key = context.keyFor(raw.readUInt32BE(AT.keyDay));
  if (key === undefined) return { ok: false, reason: "unknown-key" };
  const tag = keyedHmacSha256(key, READ_ROUTER_TAGGED, context.siteHost);
  if (!hasTag(raw, AT.terminalTag, tag)) return { ok: false, reason: "forged" };
  const ticket = parse(raw);
  if (ticket === undefined) return { ok: false, reason: "malformed" };
  return context.nowSeconds < ticket.expiresAt ? { ok: true, ticket } : { ok: false, reason: "expired", ticket };
}

/** A Router's verdict on a claimed ticket; `nonce` is what the refused text says of itself, to name it in the answer. */
export type ClaimVerdict = { ok: true; ticket: Ticket } | { ok: false; reason: TicketRefusal; nonce?: string };

/**
 * Reads a ticket that a Terminal hands in with a claim: checks only the tag that no Terminal can make. That the ticket
 * is the claimant's own (`terminalId16`), and not too old to be paid, is the caller's to check. Never throws.
 */
export function readClaimTicket(text: string, { routerTagKey }: { routerTagKey: Uint8Array }): ClaimVerdict {
  const raw = decode(text);
  if (typeof raw === "string") return { ok: false, reason: raw };
  const nonce = raw.toString("hex", AT.nonce, AT.clientNetwork);
  const tag = keyedHmacSha256(routerTagKey, READ_UNTAGGED);
  if (!hasTag(raw, AT.routerTag, tag)) return { ok: false, reason: "forged", nonce };
  const ticket = parse(raw);
  return ticket === undefined ? { ok: false, reason: "malformed", nonce } : { ok: true, ticket };
}

/** What the tickets of one answer (location and mirrors) have in common: the first 15 bytes of the nonce, as hex. */
export function ticketGroup(nonce: string): string {
  return nonce.slice(0, 30);
}

const TICKET_TEXT = new RegExp(`^[A-Za-z0-9_-]{${TICKET_CHARS}}$`);

/** The bytes of a ticket, in the one buffer that the next call writes over. */
function decode(text: string): Buffer | "over-long" | "malformed" {
  if (text.length > TICKET_CHARS) return "over-long";
  // The decoder also takes "+/" and skips what it does not know; with no spare bits, the right characters are the one spelling.
  if (!TICKET_TEXT.test(text)) return "malformed";
  const written = READ_SCRATCH.write(text, "base64url");
  return written === AT.end && READ_SCRATCH[0] === VERSION ? READ_SCRATCH : "malformed";
}

function writeTag(raw: Buffer, at: number, tag: Uint8Array): void {
  for (let i = 0; i < TAG_BYTES; i++) raw[at + i] = tag[i] as number;
}

function hasTag(raw: Buffer, at: number, tag: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= (raw[at + i] as number) ^ (tag[i] as number);
  return difference === 0;
}

// Called once a tag has been found right, so what fails here was written by a Router with a bug.
function parse(raw: Buffer): Ticket | undefined {
  const hex = raw.toString("hex", AT.terminal, AT.routerTag);
  const ticket = {
    keyDay: raw.readUInt32BE(AT.keyDay),
    terminalId16: hex.slice(0, 32),
    objectId: hex.slice(32, 96),
    headersId: hex.slice(96, 112),
    siteId: hex.slice(112, 128),
    firstByte: readU64(raw, AT.firstByte),
    lastByte: readU64(raw, AT.lastByte),
    maxBytes: readU64(raw, AT.maxBytes),
    expiresAt: raw.readUInt32BE(AT.expiresAt),
    nonce: hex.slice(184, 216),
    clientNetwork: hex.slice(216, 232),
  };
  return hasSaneNumbers(ticket) ? ticket : undefined;
}

function checkTicket(ticket: Ticket): void {
  const hasLengths =
    ticket.terminalId16.length === 32 &&
    ticket.objectId.length === 64 &&
    ticket.headersId.length === 16 &&
    ticket.siteId.length === 16 &&
    ticket.nonce.length === 32 &&
    ticket.clientNetwork.length === 16;
  if (!hasLengths) throw new ProtocolError("bad-ticket", "ticket: an id has the wrong length");
  if (!isCount(ticket.keyDay, U32 - 1) || !isCount(ticket.expiresAt, U32 - 1) || !hasSaneNumbers(ticket)) {
    const { keyDay, firstByte, lastByte, maxBytes, expiresAt } = ticket;
    throw new ProtocolError(
      "bad-ticket",
      `ticket: number outside its bound: ${JSON.stringify({ keyDay, firstByte, lastByte, maxBytes, expiresAt })}`,
    );
  }
}

function hasSaneNumbers(ticket: Ticket): boolean {
  return (
    isCount(ticket.lastByte, MAX_OBJECT_BYTES - 1) &&
    isCount(ticket.firstByte, ticket.lastByte) &&
    isCount(ticket.maxBytes, Number.MAX_SAFE_INTEGER)
  );
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function writeU64(raw: Buffer, value: number, at: number): void {
  raw.writeUInt32BE(Math.floor(value / U32), at);
  raw.writeUInt32BE(value >>> 0, at + 4);
}

function readU64(raw: Buffer, at: number): number {
  return raw.readUInt32BE(at) * U32 + raw.readUInt32BE(at + 4);
}

function deriveKey(masterKey: Uint8Array, info: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", masterKey, new Uint8Array(0), info, 32));
}
