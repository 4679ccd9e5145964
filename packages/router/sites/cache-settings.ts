import { z } from "zod";

const YEAR_SECONDS = 31_536_000;
const MAX_NEGATIVE_SECONDS = 86_400;

const seconds = z.number().int().min(0).max(YEAR_SECONDS);
const negativeSeconds = z.number().int().min(0).max(MAX_NEGATIVE_SECONDS);

const parameter = z
  .string()
  .regex(
    /^[^\s&=#*]{1,100}\*?$/,
    "a parameter's name as it stands in URLs, with a * at its end for all that begin so, such as utm_*",
  );

const fieldName = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, "a request field's name in lower case, such as x-device")
  .refine(
    (name) =>
      !["host", "cookie", "authorization", "accept-encoding", "range"].includes(name) && !name.startsWith("if-"),
    "a field other than Host, Cookie, Authorization, Accept-Encoding, Range and conditions",
  );

/**
 * What of a query tells stored answers apart. The origin is asked for just that: what does not count does not reach it either, so nobody can put into a
 * shared answer what others did not ask for.
 */
const querySettingsSchema = z.strictObject({
  /** `all`: every parameter. `none`: none. `listed`: those of `names`. `unlisted`: all but those of `names`. */
  use: z.enum(["all", "none", "listed", "unlisted"]).default("all"),
  names: z.array(parameter).max(100).default([]),
  /** Parameters count in the order of their names; those of one name stay as they come. */
  sorted: z.boolean().default(false),
});

export type QuerySettings = z.infer<typeof querySettingsSchema>;

/** How a site's answers are stored and reused, where the RFCs leave it to the operator. */
export const cacheSettingsSchema = z.strictObject({
  query: querySettingsSchema.prefault({}),
  /** Request fields that tell stored answers apart although the origin names them in no Vary. Counts for what is stored from then on. */
  varyBy: z.array(fieldName).max(10).default([]),
  /** Share of the time since the last modification that counts as freshness where the origin states none (RFC 9111 4.2.2), at most a day; 0 never guesses. */
  heuristicFraction: z.number().min(0).max(1).default(0),
  /**
   * Seconds past its freshness that an answer goes on being served while the origin fails (RFC 9111 4.2.4), where the origin stated a freshness and did
   * not forbid it.
   */
  staleIfErrorSeconds: seconds.default(86_400),
  /** Seconds past its freshness that an answer is served while it is renewed in the background (RFC 5861 3), where the origin says nothing about it. */
  staleWhileRevalidateSeconds: seconds.default(0),
  /**
   * Freshness of failures for which the origin states none; 0 does not keep them. Off by default: an error seen during a deployment would outlive it,
   * and an origin that wants its errors kept can say so with Cache-Control.
   */
  negative: z
    .strictObject({
      /** 404 and 410. */
      notFoundSeconds: negativeSeconds.default(0),
      /** 500, 502, 503 and 504. */
      serverErrorSeconds: negativeSeconds.default(0),
    })
    .prefault({}),
  /** Answers with Set-Cookie: `pass` keeps none of them; `strip` takes the cookie off those that may be kept, for everyone. */
  setCookie: z.enum(["pass", "strip"]).default("pass"),
  /** Text and the like is sent in the content coding that the client prefers (br, zstd, gzip), unless the origin says no-transform. */
  compression: z.boolean().default(true),
  /** Pages and data under the name of a static file (/account/x.css) are not kept: a visitor lured there would leave a personal page in the store. */
  deceptionGuard: z.boolean().default(true),
});
