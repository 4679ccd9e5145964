import { z } from "zod";
import { base64UrlOf, countOf, headersIdField, hexOf, idField, objectIdField, textOf } from "./fields.ts";
import { signedManifestSchema } from "./manifest.ts";
import { MAX_OBJECT_BYTES } from "./object.ts";
import { releaseSchema } from "./release.ts";
import { standingSchema } from "./standing.ts";
import { MAX_CLAIMS, MAX_EVICT } from "./terminal-messages.ts";

/** Most objects in one `purge` message. */
export const MAX_PURGE = 1000;

/** Most URLs in one `routers` message. */
export const MAX_ROUTERS_TOLD = 16;

/** The Terminal's keys, one for each day; normally of two neighbouring days. */
const ticketKeys = z
  .array(z.object({ day: countOf(0xffff_ffff), /** 32 bytes. */ key: base64UrlOf(32) }))
  .min(1)
  .max(4);

const absoluteUrl = z
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
  /** Where other Routers say that Terminals reach this one. */
  url: absoluteUrl.optional(),
  /** The Router's time, Unix milliseconds. */
  timeMs: countOf().optional(),
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

/** Answers `heartbeat` with its sequence, and `leave` with 0. `timeMs` is the Router's time, Unix milliseconds. */
const ok = z.object({ type: z.literal("ok"), sequence: countOf(), timeMs: countOf().optional() });

/** Fetch, verify and keep an object. */
const save = z.object({
  type: z.literal("save"),
  manifest: signedManifestSchema,
  /** Absolute; the bytes are here, the piece list at this URL followed by "/pieces". */
  fillUrl: absoluteUrl,
  priority: z.enum(["now", "background"]),
  /** Unix seconds after which the object may go without asking; absent: as long as it is asked for. */
  keepUntil: countOf(0xffff_ffff).optional(),
  /** It must not be evicted before `keepUntil`. */
  isPinned: z.boolean().optional(),
  /** Present when this answers a `want`. */
  id: idField.optional(),
});

/** Answers a `want` or a `speed` that cannot be met. */
const nothing = z.object({ type: z.literal("nothing"), id: idField, reason: textOf(300) });

/** Drop one header set of an object, or the object with all of them. */
const remove = z.object({
  type: z.literal("delete"),
  objectId: objectIdField,
  headersId: headersIdField.optional(),
  reason: textOf(300),
});

/** Drop these objects, all header sets of each. Answered by `purged` with the same id once none of them is served any more. */
const purge = z.object({
  type: z.literal("purge"),
  id: idField,
  objectIds: z.array(objectIdField).min(1).max(MAX_PURGE),
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

/** Answers `evict`: all that it named may go, but for these. */
const evictReply = z.object({
  type: z.literal("evict.reply"),
  id: idField,
  keep: z.array(objectIdField).max(MAX_EVICT),
});

/** Spot check of one piece. Answered by `audit.answer` with the same id, within the deadline. */
const audit = z.object({
  type: z.literal("audit"),
  id: idField,
  objectId: objectIdField,
  pieceIndex: countOf(2 ** 32),
  nonce: hexOf(32),
  deadlineMs: z.number().int().min(1).max(600_000),
});

/** Leave to measure: GET reads up to `maxBytes` from `url`, POST sends up to as many to it; each ends after `maxMs`. */
const speedGrant = z.object({
  type: z.literal("speed.grant"),
  id: idField,
  url: absoluteUrl,
  maxBytes: countOf(1024 ** 3),
  maxMs: z.number().int().min(1).max(60_000),
});

/** How the Terminal stands: what is held against it and what it earned. Sent after `welcome` and when it changed. */
const standing = z.object({ type: z.literal("standing"), ...standingSchema.shape });

/** A newer version is there for this Terminal. Nothing happens before its operator agrees. */
const update = z.object({ type: z.literal("update"), release: releaseSchema });

/** Control URLs of the network's other Routers: a Terminal keeps a channel to each. Sent after `welcome` and when it changes. */
const routers = z.object({ type: z.literal("routers"), urls: z.array(absoluteUrl).max(MAX_ROUTERS_TOLD) });

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
  purge,
  "index.request": indexRequest,
  "claims.ack": claimsAck,
  "evict.reply": evictReply,
  audit,
  "speed.grant": speedGrant,
  standing,
  update,
  routers,
  drain,
} as const;
