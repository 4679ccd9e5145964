import { z } from "zod";
import { purgeOrderSchema } from "../purge/order-schema.ts";

/** Keys in one notice. */
export const MAX_KEYS = 500;
/** Ids of objects, or of Terminals, in one notice. */
export const MAX_IDS = 1000;
/** Terminals' figures in one signal. */
export const MAX_SETTLED = 2000;
/** Sites named in one notice. */
const MAX_SITES = 100;

const idSchema = z.string().regex(/^[\w.-]{1,100}$/);
const siteNameSchema = z.string().min(1).max(255);
const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);
const hashesSchema = z.array(hashSchema).max(MAX_IDS);
const countSchema = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** What one Router has every other one know, in the order in which it happened, however long that one was out of touch. */
export const noticeSchema = z.discriminatedUnion("type", [
  /** These sites were put or removed: their rows are to be read again. */
  z.object({ type: z.literal("sites"), names: z.array(siteNameSchema).min(1).max(MAX_SITES) }),
  /** What is stored under these keys of sites is different now, or (true) was taken away. */
  z.object({
    type: z.literal("keys"),
    keys: z
      .array(z.tuple([siteNameSchema, z.string().max(65_536), z.boolean()]))
      .min(1)
      .max(MAX_KEYS),
  }),
  /** All that was stored for a site is gone. */
  z.object({ type: z.literal("forgotten"), site: siteNameSchema }),
  /** A purge began; what was asked of an origin up to `atMs` (Unix milliseconds) is meant. */
  z.object({ type: z.literal("purge"), id: idSchema, atMs: countSchema, order: purgeOrderSchema }),
  /** A purge took these objects out of the database. */
  z.object({ type: z.literal("gone"), id: idSchema, objectIds: hashesSchema }),
  /** A purge is through at the Router where it began: the others say when they are. */
  z.object({ type: z.literal("swept"), id: idSchema }),
  /** The answer to `swept`, in as many parts as it takes: the Terminals that this Router told, and those that did not confirm it or left. */
  z.object({
    ...{ type: z.literal("applied"), id: idSchema, isLast: z.boolean() },
    ...{ told: hashesSchema, unconfirmed: hashesSchema, absent: hashesSchema },
  }),
  /** The sender had more to say than it could keep while it was out of touch: everything is to be read again. */
  z.object({ type: z.literal("resync") }),
]);

/** A notice, parsed. */
export type Notice = z.infer<typeof noticeSchema>;

/** What is worth hearing now or not at all. */
export const signalSchema = z.discriminatedUnion("type", [
  /** Sent each second: the sender lives, and Terminals reach it at `controlUrl`. */
  z.object({ type: z.literal("beat"), controlUrl: z.url({ protocol: /^https?$/ }).max(2048), terminals: countSchema }),
  /** Bytes were paid to Terminals on tickets whose nonces begin with `mark`: Terminal, when the tickets expire (Unix seconds), bytes. */
  z.object({
    type: z.literal("settled"),
    mark: z.string().regex(/^[0-9a-f]{4}$/),
    paid: z.array(z.tuple([hashSchema, countSchema, countSchema])).max(MAX_SETTLED),
  }),
  /** The sender stops. */
  z.object({ type: z.literal("bye") }),
]);

/** A signal, parsed. */
export type Signal = z.infer<typeof signalSchema>;

/** Tells the two kinds apart. */
export function isSignal(message: Notice | Signal): message is Signal {
  return message.type === "beat" || message.type === "bye" || message.type === "settled";
}
