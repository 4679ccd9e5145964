import { z } from "zod";

const MAX_SECONDS = 600;

function isPlainHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  return /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "";
}

/** Where an origin is. */
export const originUrl = z
  .string()
  .max(2048)
  .refine(isPlainHttpUrl, "an http or https URL without user, query or fragment, such as https://origin.example.com");

const seconds = z.number().min(0.1).max(MAX_SECONDS);

const furtherOrigin = z.strictObject({
  url: originUrl,
  /** Its share of the requests among the others of its kind; 0 gets none unless all others fail. */
  weight: z.number().int().min(0).max(1000).default(1),
  /** Asked only while none of the origins that are no backups is in order. */
  isBackup: z.boolean().default(false),
});

const healthCheck = z.strictObject({
  /** Asked for with GET, at every origin. */
  path: z
    .string()
    .max(2048)
    .regex(/^\/[\x21-\x7e]*$/, "a path such as /health"),
  everySeconds: z.number().min(1).max(3600).default(10),
  timeoutSeconds: z.number().min(0.1).max(60).default(5),
  /** Statuses of an origin in order. */
  statuses: z.array(z.number().int().min(100).max(599)).min(1).max(50).default([200, 204]),
  unhealthyAfter: z.number().int().min(1).max(20).default(3),
  healthyAfter: z.number().int().min(1).max(20).default(2),
});

const retrySettings = z.strictObject({
  /** Further tries of a request that may be repeated: without content, and by a method that changes nothing by being repeated. */
  attempts: z.number().int().min(0).max(5).default(1),
  /** Answers that are tried again elsewhere, beside failures to answer. */
  onStatus: z
    .array(z.union([z.literal(500), z.literal(502), z.literal(503), z.literal(504)]))
    .max(4)
    .default([]),
});

const ejectSettings = z.strictObject({
  /** Failures in a row (no answer, or 502, 503, 504) after which an origin is left alone, unless it is the last. */
  failures: z.number().int().min(1).max(1000).default(5),
  seconds: z.number().min(1).max(3600).default(30),
});

/** How a site's origins are asked. */
export const originSettingsSchema = z.strictObject({
  /** The share of the site's `origin` among the others. */
  weight: z.number().int().min(0).max(1000).default(1),
  others: z.array(furtherOrigin).max(20).default([]),
  /** Name in the Host field and of the certificate, for all; each origin's own when absent. */
  hostName: z
    .string()
    .max(253)
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/, "a host name such as www.example.com")
    .optional(),
  health: healthCheck.optional(),
  retries: retrySettings.prefault({}),
  eject: ejectSettings.prefault({}),
  /** Limits in time; 10 seconds to connect, 30 to the first byte of an answer and 30 of silence in a body when absent. */
  connectSeconds: seconds.optional(),
  firstByteSeconds: seconds.optional(),
  idleSeconds: seconds.optional(),
  /** Whether to speak HTTP/2 with origins at https URLs that choose it; HTTP/1.1 alone when false. */
  http2: z.boolean().default(false),
  /** Certificates (PEM) of the authorities that origins' certificates come from, instead of the public ones. */
  authorities: z
    .string()
    .max(50_000)
    .regex(/^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/, "certificates in PEM")
    .optional(),
  /** Connections to each origin; 256 when absent. */
  maxConnections: z.number().int().min(1).max(10_000).optional(),
});

/** A site's settings about its origins. */
export type OriginSettings = z.infer<typeof originSettingsSchema>;
