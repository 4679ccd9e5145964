import { z } from "zod";
import {
  base64UrlOf,
  base64UrlUpTo,
  countOf,
  headersIdField,
  hexOf,
  idField,
  objectIdField,
  textOf,
} from "./fields.ts";
import { hardwareSchema } from "./hardware.ts";
import { MAX_OBJECT_BYTES, PIECE_BYTES } from "./object.ts";
import { TICKET_CHARS } from "./ticket.ts";

/** Most pairs in one page of `index`. */
export const MAX_INDEX_PAGE = 5000;

/** Most claims in one `claims` message. */
export const MAX_CLAIMS = 500;

/** Most objects in one `evict` message. */
export const MAX_EVICT = 1000;

/** Most siblings in a proof: a tree of 2^40 bytes in pieces of 256 KiB has 22 levels. */
const MAX_PROOF = 24;

/** An http or https origin as RFC 6454 writes it: lower-case host, no default port, no path, nothing after. */
const endpointField = z.string().max(300).refine(isOrigin, {
  message: 'expected an http or https origin without path or default port, as "https://host:8443"',
});

/** Who the Terminal is, where it can be reached and what it runs on. Answers `challenge`. */
const hello = z.object({
  type: z.literal("hello"),
  /** The version it speaks. Any is let through here, so that a Router can refuse it with a reason. */
  protocol: countOf(65_535),
  /** Raw Ed25519 key, hex. */
  publicKey: hexOf(32),
  /** Over `helloBytes`. */
  signature: base64UrlOf(64),
  endpoint: endpointField,
  /** Software version, for people. */
  version: z.string().min(1).max(64),
  hardware: hardwareSchema,
});

/** The Terminal's state, sent about every `heartbeatMs`. Answered by `ok`. */
const heartbeat = z.object({
  type: z.literal("heartbeat"),
  /** Counts up from 0 on each connection. */
  sequence: countOf(),
  openTransfers: countOf(),
  egressBytesPerSecond: z.number().min(0).max(1e15),
  /** Share of all cores in use, 0 to 1. */
  cpuLoad: z.number().min(0).max(1),
  freeMemoryBytes: countOf(),
  /** Room left for objects. */
  remainingBytes: countOf(),
  /** Room for objects in all. */
  quotaBytes: countOf(),
  objectCount: countOf(),
  /** `IndexDigest` of the checked pairs. */
  indexDigest: hexOf(32),
  /** Why no new object can be saved at present; absent while saves are welcome. */
  refusesSaves: z.enum(["disk-full", "disk-read-only", "disk-gone", "draining"]).optional(),
});

/** One page of the checked (objectId, headersId) pairs. Answers `index.request`. */
const index = z
  .object({
    type: z.literal("index"),
    id: idField,
    page: countOf(1_000_000),
    pages: z.number().int().min(1).max(1_000_000),
    objects: z.array(z.tuple([objectIdField, headersIdField])).max(MAX_INDEX_PAGE),
  })
  .refine((message) => message.page < message.pages, { path: ["page"], message: "expected less than pages" });

/** Asks for an object that a valid ticket named. Answered by `save` or `nothing` with the same id. */
const want = z.object({
  type: z.literal("want"),
  id: idField,
  objectId: objectIdField,
  headersId: headersIdField,
});

/** A save has ended well: every piece verified, on disk, served from now on. */
const stored = z.object({
  type: z.literal("stored"),
  objectId: objectIdField,
  headersId: headersIdField,
  /** Size of the object. */
  bytes: countOf(MAX_OBJECT_BYTES),
});

/** A save has ended badly, and nothing of it is served. */
const failed = z.object({
  type: z.literal("failed"),
  objectId: objectIdField,
  headersId: headersIdField,
  code: z.enum(["no-room", "bad-manifest", "bad-bytes", "unreachable", "disk", "cancelled"]),
  detail: textOf(300),
});

/** Body bytes sent on tickets, cumulative for each nonce. Answered by `claims.ack`. */
const claims = z.object({
  type: z.literal("claims"),
  id: idField,
  claims: z
    .array(
      z.object({
        ticket: z
          .string()
          .regex(new RegExp(`^[A-Za-z0-9_-]{${TICKET_CHARS}}$`), `expected a ticket of ${TICKET_CHARS} characters`),
        /** All body bytes that this ticket's transfers have sent so far. */
        bytes: countOf(),
      }),
    )
    .max(MAX_CLAIMS),
});

/** What the Terminal would delete for lack of requests, least wanted first. Answered by `evict.reply`. */
const evict = z.object({
  type: z.literal("evict"),
  id: idField,
  objects: z
    .array(z.object({ objectId: objectIdField, bytes: countOf(MAX_OBJECT_BYTES) }))
    .min(1)
    .max(MAX_EVICT),
});

/** Answers `purge`: what it named is not served any more. */
const purged = z.object({ type: z.literal("purged"), id: idField });

/** Answers `audit`: the piece with its way to the tree's root, or why there is none. */
const auditAnswer = z.object({
  type: z.literal("audit.answer"),
  id: idField,
  answer: z.union([
    /** With `proofOf` the piece. */
    z.object({ piece: base64UrlUpTo(PIECE_BYTES), proof: z.array(hexOf(32)).max(MAX_PROOF) }),
    /** What stands in the way. */
    z.object({ missing: textOf(300) }),
  ]),
  /** Over `auditBytes`. */
  signature: base64UrlOf(64),
});

/** Asks for leave to measure the link to this Router. Answered by `speed.grant` or `nothing` with the same id. */
const speed = z.object({ type: z.literal("speed"), id: idField });

/** The Terminal is about to stop and wants no more tickets. Answered by `ok`. */
const leave = z.object({ type: z.literal("leave") });

/** Schema of each message a Terminal sends, by type. */
export const terminalSchemas = {
  hello,
  heartbeat,
  index,
  want,
  stored,
  failed,
  claims,
  evict,
  purged,
  "audit.answer": auditAnswer,
  speed,
  leave,
} as const;

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.origin === text;
}
