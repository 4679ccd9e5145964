import { z } from "zod";
import { requestHeaderEdits, responseHeaderEdits } from "./header-settings.ts";
import { pathPattern } from "./path-pattern.ts";

const MAX_REDIRECTS = 500;
const MAX_CORS = 50;

/** A path on the same host, or an http(s) URL whose host has no capture in it. */
const DESTINATION = /^(?:https?:\/\/[a-z0-9.-]+(?::\d{1,5})?(?:[/?#]|$)|\/(?![/\\]))[\x21-\x7e]*$/i;
const HOST_AND_CAPTURE = /^https?:\/\/[^/?#]*\{/i;

const redirect = z
  .strictObject({
    path: pathPattern,
    to: z
      .string()
      .max(2048)
      .refine(
        (text) => DESTINATION.test(text) && !HOST_AND_CAPTURE.test(text) && !text.includes("\\"),
        'a path such as /new/{1} or a URL such as https://www.example.com/{1}, where {1} is what the first "*" stood for',
      ),
    status: z
      .union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)], "301, 302, 307 or 308")
      .default(302),
    /** Whether the query goes along. */
    keepQuery: z.boolean().default(true),
  })
  .refine(({ path, to }) => {
    const stars = path.split("*").length - 1;
    return [...to.matchAll(/\{([^}]*)\}?/g)].every(
      ([whole, digit = ""]) => whole.endsWith("}") && /^[1-9]$/.test(digit) && Number(digit) <= stars,
    );
  }, 'captures {1} to {9}, no more than the path has "*"');

const fieldName = z.string().regex(/^[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,128}$/, 'a field name, or "*"');

const allowedOrigin = z
  .string()
  .max(300)
  .regex(
    /^(\*|https?:\/\/(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?|https?:\/\/\[[0-9a-f:]+\](:\d{1,5})?)$/,
    'an origin such as https://app.example.com, https://*.example.com for all below it, or "*" for all',
  );

const cors = z
  .strictObject({
    path: pathPattern.default("*"),
    origins: z.array(allowedOrigin).min(1).max(100),
    /** Whether pages may send cookies and read the answer. */
    credentials: z.boolean().default(false),
    methods: z
      .array(z.string().regex(/^[A-Z]{1,20}$/, "a method in capital letters, such as GET"))
      .max(20)
      .default(["GET", "HEAD"]),
    /** Request fields that pages may set; "*" for all. */
    requestHeaders: z.array(fieldName).max(100).default([]),
    /** Response fields that pages may read. */
    exposeHeaders: z
      .array(fieldName)
      .max(100)
      .default(["Cache-Status", "Content-Range", "Digest", "ETag", "Link", "Repr-Digest"]),
    /** How long browsers keep the answer to a preflight. */
    maxAgeSeconds: z.number().int().min(0).max(86_400).default(600),
  })
  .refine(
    ({ origins, credentials }) => !(credentials && origins.includes("*")),
    'named origins where "credentials" is true: any page could read what is private otherwise',
  )
  .refine(
    ({ exposeHeaders, credentials }) => !(credentials && exposeHeaders.includes("*")),
    'named fields in "exposeHeaders" where "credentials" is true: browsers take "*" for a name then',
  );

/** What is changed on the way: where requests are sent instead, header fields, and which pages may read answers (CORS). */
export const rewriteSettingsSchema = z.strictObject({
  /** The one host name viewers should see; requests for the others are redirected to it. */
  canonicalHost: z.string().max(253).optional(),
  /** Redirects to https what came by http, as a trusted proxy before this Router says. */
  upgradeToHttps: z.boolean().default(false),
  /** The first whose path matches. */
  redirects: z.array(redirect).max(MAX_REDIRECTS).default([]),
  requestHeaders: requestHeaderEdits,
  responseHeaders: responseHeaderEdits,
  /** The first whose path matches; without one, the origin's own fields go through. */
  cors: z.array(cors).max(MAX_CORS).default([]),
});

export type RewriteSettings = z.infer<typeof rewriteSettingsSchema>;
export type RedirectRule = z.infer<typeof redirect>;
export type CorsRule = z.infer<typeof cors>;
