import type { z } from "zod";
import { ProtocolError } from "./error.ts";
import { describeIssue } from "./fields.ts";
import { routerSchemas } from "./router-messages.ts";
import { terminalSchemas } from "./terminal-messages.ts";

/** The version that `hello` carries. */
export const PROTOCOL_VERSION = 1;

/** Longest control message in bytes of UTF-8. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** Every message a Terminal may send; `type` tells them apart. */
export type TerminalMessage = z.infer<(typeof terminalSchemas)[keyof typeof terminalSchemas]>;

/** Every message a Router may send; `type` tells them apart. */
export type RouterMessage = z.infer<(typeof routerSchemas)[keyof typeof routerSchemas]>;

/**
 * Reads one message of a Terminal. Fields this version does not know are dropped.
 *
 * @throws ProtocolError `oversized-frame`, `malformed-frame` or `unknown-type`; `field` names the field to blame
 */
export function parseTerminalFrame(text: string): TerminalMessage {
  return parseFrame(text, terminalSchemas) as TerminalMessage;
}

/**
 * Reads one message of a Router. Fields this version does not know are dropped.
 *
 * @throws ProtocolError `oversized-frame`, `malformed-frame` or `unknown-type`; `field` names the field to blame
 */
export function parseRouterFrame(text: string): RouterMessage {
  return parseFrame(text, routerSchemas) as RouterMessage;
}

/** What `hello.signature` is over: the challenge, the key and the endpoint, so that none can be swapped or replayed. */
export function helloBytes(hello: { nonce: string; publicKey: string; endpoint: string }): Uint8Array {
  return Buffer.from(`neson-hello-1\n${hello.nonce}\n${hello.publicKey}\n${hello.endpoint}`);
}

/** What the answer to a Router's dial-back (`/v1/ping/<nonce>`) signs. */
export function pingBytes(nonce: string): Uint8Array {
  return Buffer.from(`neson-ping-1\n${nonce}`);
}

/**
 * What `audit.answer.signature` is over.
 *
 * @param pieceSha256 hex, of the piece answered with; 64 zeros when there is none
 */
export function auditBytes(audit: {
  nonce: string;
  objectId: string;
  pieceIndex: number;
  pieceSha256: string;
}): Uint8Array {
  return Buffer.from(`neson-audit-1\n${audit.nonce}\n${audit.objectId}\n${audit.pieceIndex}\n${audit.pieceSha256}`);
}

function parseFrame(text: string, schemas: Record<string, z.ZodType>): unknown {
  const value = parseJson(text);
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type !== "string") {
    throw new ProtocolError("malformed-frame", "control message: found no type; expected an object with one", "type");
  }
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (schema === undefined) {
    const known = Object.keys(schemas).join(", ");
    const found = JSON.stringify(type.slice(0, 60));
    throw new ProtocolError("unknown-type", `control message: found type ${found}; expected one of ${known}`, "type");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = describeIssue(type, parsed.error, value);
  throw new ProtocolError("malformed-frame", issue.text, issue.field);
}

function parseJson(text: string): unknown {
  // Characters first: counting the bytes of a text that is far too long would be the sender's free lunch.
  if (text.length > MAX_FRAME_BYTES || Buffer.byteLength(text) > MAX_FRAME_BYTES) {
    throw new ProtocolError(
      "oversized-frame",
      `control message: longer than ${MAX_FRAME_BYTES} bytes, the most allowed`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError("malformed-frame", "control message: not JSON");
  }
}
