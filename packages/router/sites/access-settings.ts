import { z } from "zod";
import { networkSpan } from "../rules/address-set.ts";
import { pathPattern } from "./path-pattern.ts";

const MAX_RULES = 50;
const MAX_NETWORKS = 5000;
const MAX_NAMES = 500;

const network = z
  .string()
  .max(64)
  .refine(
    (text) => networkSpan(text) !== undefined,
    "an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32",
  );

const country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'a country code of two capital letters (ISO 3166-1), such as DE; "ZZ" is where it is unknown');

const referrerHost = z
  .string()
  .max(253)
  .regex(
    /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/,
    "a lower-case host name such as example.com, or *.example.com for all below it",
  );

const methodName = z.string().regex(/^[A-Z]{1,20}$/, "a method in capital letters, such as GET");

/** Rules of one kind for paths: the first whose path matches decides; what none is for is allowed. Exactly one of `allow` and `deny`. */
function listRules<Item extends z.ZodType>(item: Item, maxItems: number) {
  const list = z.array(item).max(maxItems);
  return z
    .array(
      z
        .strictObject({ path: pathPattern.default("*"), allow: list.optional(), deny: list.optional() })
        .refine(({ allow, deny }) => (allow === undefined) !== (deny === undefined), 'either "allow" or "deny"'),
    )
    .max(MAX_RULES)
    .default([]);
}

const rateLimit = z.strictObject({
  path: pathPattern.default("*"),
  /** Requests that a client network (/24 or /48) may make in `perSeconds`, spread evenly once its burst is used up. */
  requests: z.number().int().min(1).max(1_000_000),
  perSeconds: z.number().int().min(1).max(86_400).default(1),
  /** Requests at once; as many as `requests` when absent. */
  burst: z.number().int().min(1).max(1_000_000).optional(),
});

const signingKey = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]{1,32}$/, "1 to 32 lower-case letters, digits and hyphens, such as key-2"),
  secret: z.string().regex(/^[\x21-\x7e]{22,256}$/, "22 to 256 printable characters without spaces, drawn at random"),
});

const signing = z.strictObject({
  /** Paths that need a signed URL. */
  paths: z.array(pathPattern).min(1).max(MAX_RULES),
  /** All are accepted. To change keys, add the new one, sign with it, and remove the old one once its last URL has expired. */
  keys: z
    .array(signingKey)
    .min(1)
    .max(10)
    .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, "keys with different ids"),
});

const maintenance = z.strictObject({
  text: z
    .string()
    .max(1000)
    .regex(/^[^\p{Cc}]*$/u, "one line of text")
    .default("this site is being worked on; please come back soon"),
  retryAfterSeconds: z.number().int().min(1).max(604_800).default(300),
  /** Networks from which the site can be used meanwhile. */
  exceptAddresses: z.array(network).max(MAX_NAMES).default([]),
});

/** Who may ask a site for what. Everything is off until set. */
export const accessSettingsSchema = z.strictObject({
  /** Methods that are let through; HEAD comes with GET. All when absent. */
  methods: z.array(methodName).min(1).max(20).optional(),
  /** Largest request body. No limit of the site's own when absent. */
  maxBodyBytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50)
    .optional(),
  /** Whether WebSocket connections are passed on. */
  webSockets: z.boolean().default(true),
  addresses: listRules(network, MAX_NETWORKS),
  countries: listRules(country, MAX_NAMES),
  /** Sites whose pages may embed or link to this one; the site's own hosts always may. */
  referrers: z
    .array(
      z.strictObject({
        path: pathPattern.default("*"),
        allow: z.array(referrerHost).max(MAX_NAMES),
        /** Whether requests without a Referer pass: downloads, privacy settings, typed addresses. */
        allowEmpty: z.boolean().default(true),
      }),
    )
    .max(MAX_RULES)
    .default([]),
  rateLimits: z.array(rateLimit).max(MAX_RULES).default([]),
  signing: signing.optional(),
  /** Present: everyone else is answered 503. */
  maintenance: maintenance.optional(),
});

export type AccessSettings = z.infer<typeof accessSettingsSchema>;
