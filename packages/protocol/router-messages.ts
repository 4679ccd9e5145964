import { z } from "zod";
import { base64UrlOf, countOf, headersIdField, hexOf, idField, objectIdField, textOf } from "./fields.ts";
import { signedManifestSchema } from "./manifest.ts";
import { MAX_OBJECT_BYTES } from "./object.ts";
import { MAX_CLAIMS } from "./terminal-messages.ts";

/** The Terminal's keys, one for each day; normally of two neighbouring days. */
const ticketKeys = z
  .array(z.object({ day: countOf(0xffff_ffff), /** 32 bytes. */ key: base64UrlOf(32) }))
  .min(1)
  .max(4);

const fillUrl = z
  .string()
  .max(2048)
  .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), {
    message: "expected an absolute http or https URL",
  });

/** First message on a connection: what `hello` must sign. */
const challenge = z.object({ type: z.literal("challenge"), nonce: hexOf(32) });

/** The Terminal is in. */
const welcome = z.object({
  type: z.literal("welcome"),
  /** Key that signs manifests, hex. */
  routerKey: hexOf(32),
  ticketKeys,
  /** Scheme of the URLs that clients are sent back to. */
  edgeScheme: z.enum(["http", "https"]),
  /** How often to send `heartbeat`. */
  heartbeatMs: z.number().int().min(100).max(60_000),
  limits: z.object({ maxObjectBytes: countOf(MAX_OBJECT_BYTES) }),
});

/** New ticket keys, of the same meaning as in `welcome`. */
const keys = z.object({ type: z.literal("keys"), ticketKeys });

/** The Terminal is not let in, or is cut off; the connection closes after this. */
const refused = z.object({
  type: z.literal("refused"),
  /** `bad-message`: malformed, out of turn, or one of too many at once. The others judge the `hello`. */
  code: z.enum([
    "bad-message",
    "protocol-version",
    "bad-signature",
    "bad-endpoint",
    "unreachable-endpoint",
    "duplicate",
    "full",
  ]),
  /** What a person can do about it. */
  message: textOf(500),
});

/** Answers `heartbeat` with its sequence, and `leave` with 0. */
const ok = z.object({ type: z.literal("ok"), sequence: countOf() });

/** Fetch, verify and keep an object. */
const save = z.object({
  type: z.literal("save"),
  manifest: signedManifestSchema,
  /** Absolute; the bytes are here, the piece list at this URL followed by "/pieces". */
  fillUrl,
  priority: z.enum(["now", "background"]),
  /** Present when this answers a `want`. */
  id: idField.optional(),
});

/** Answers a `want` that cannot be met. */
const nothing = z.object({ type: z.literal("nothing"), id: idField, reason: textOf(300) });

/** Drop one header set of an object, or the object with all of them. */
const remove = z.object({
  type: z.literal("delete"),
  objectId: objectIdField,
  headersId: headersIdField.optional(),
  reason: textOf(300),
});

/** Asks for the whole index. Answered by `index` pages with the same id. */
const indexRequest = z.object({ type: z.literal("index.request"), id: idField });

/** Answers `claims`: those not listed as refused are durable and need not be sent again. */
const claimsAck = z.object({
  type: z.literal("claims.ack"),
  id: idField,
  accepted: countOf(MAX_CLAIMS),
  refused: z.array(z.object({ nonce: hexOf(16), reason: textOf(300) })).max(MAX_CLAIMS),
});

/** Tickets have stopped; finish what is open. */
const drain = z.object({ type: z.literal("drain") });

/** Schema of each message a Router sends, by type. */
export const routerSchemas = {
  challenge,
  welcome,
  keys,
  refused,
  ok,
  save,
  nothing,
  delete: remove,
  "index.request": indexRequest,
  "claims.ack": claimsAck,
  drain,
} as const;
