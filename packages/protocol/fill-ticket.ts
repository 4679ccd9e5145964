import { hkdfSync } from "node:crypto";
import { equalBytes, fromBase64Url, fromHex, hmacSha256, toBase64Url, toHex } from "./bytes.ts";
import { ProtocolError } from "./error.ts";

/** The right of one Terminal to fetch one object's bytes from the Router that wrote it. */
export interface FillTicket {
  /** 64 hex characters. */
  objectId: string;
  /** 64 hex characters. */
  terminalId: string;
  /** Unix seconds; valid while now < expiresAt. */
  expiresAt: number;
}

/** Why a fill ticket is refused; `expired` only once the tag was found right. */
export type FillTicketRefusal = "malformed" | "over-long" | "forged" | "expired";

/** A Router's verdict on a fill ticket. */
export type FillTicketVerdict = { ok: true; ticket: FillTicket } | { ok: false; reason: FillTicketRefusal };

const VERSION = 1;
const AT = { object: 1, terminal: 33, expiresAt: 65, tag: 69, end: 85 } as const;

/** Length of every fill ticket's text. */
export const FILL_TICKET_CHARS = 114;

/** The key of fill tickets, which no one but Routers has: HKDF-SHA256 with info "neson-fill-1\n", 32 bytes. */
export function deriveFillKey(masterKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", masterKey, new Uint8Array(0), Buffer.from("neson-fill-1\n"), 32));
}

/**
 * Layout: version u8 = 1 | objectId 32 | terminalId 32 | expiresAt u32 | first 16 bytes of HMAC-SHA256(key, all before).
 *
 * @throws ProtocolError `bad-ticket` when a field is outside its bound
 */
export function sealFillTicket({ objectId, terminalId, expiresAt }: FillTicket, key: Uint8Array): string {
  const object = fromHex(objectId);
  const terminal = fromHex(terminalId);
  if (object?.length !== 32 || terminal?.length !== 32) {
    throw new ProtocolError("bad-ticket", "fill ticket: object and Terminal ids must be 64 hex digits each");
  }
  if (!Number.isInteger(expiresAt) || expiresAt < 0 || expiresAt > 0xffff_ffff) {
    throw new ProtocolError(
      "bad-ticket",
      `fill ticket: expiresAt is ${expiresAt}, allowed are unix seconds in 32 bits`,
    );
  }
  const raw = Buffer.alloc(AT.end);
  raw[0] = VERSION;
  raw.set(object, AT.object);
  raw.set(terminal, AT.terminal);
  raw.writeUInt32BE(expiresAt, AT.expiresAt);
  raw.set(tagOf(raw, key), AT.tag);
  return toBase64Url(raw);
}

/** Reads a fill ticket. Never throws. Whether the object is still at hand is the caller's to see. */
export function openFillTicket(text: string, key: Uint8Array, nowSeconds: number): FillTicketVerdict {
  if (text.length > FILL_TICKET_CHARS) return { ok: false, reason: "over-long" };
  const raw = fromBase64Url(text);
  if (raw?.length !== AT.end || raw[0] !== VERSION) return { ok: false, reason: "malformed" };
  if (!equalBytes(raw.subarray(AT.tag), tagOf(raw, key))) return { ok: false, reason: "forged" };
  const expiresAt = Buffer.from(raw.subarray(AT.expiresAt, AT.tag)).readUInt32BE();
  if (nowSeconds >= expiresAt) return { ok: false, reason: "expired" };
  const objectId = toHex(raw.subarray(AT.object, AT.terminal));
  return { ok: true, ticket: { objectId, terminalId: toHex(raw.subarray(AT.terminal, AT.expiresAt)), expiresAt } };
}

function tagOf(raw: Uint8Array, key: Uint8Array): Uint8Array {
  return hmacSha256(key, raw.subarray(0, AT.tag)).subarray(0, AT.end - AT.tag);
}
