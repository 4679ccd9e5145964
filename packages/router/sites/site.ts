import { z } from "zod";
import { accessSettingsSchema } from "./access-settings.ts";
import { cacheSettingsSchema } from "./cache-settings.ts";
import { refuseContradictions } from "./contradictions.ts";
import { originSettingsSchema, originUrl } from "./origin-settings.ts";
import { rewriteSettingsSchema } from "./rewrite-settings.ts";
import { deliveryRuleSchema } from "./rule-settings.ts";
import { spendSettingsSchema } from "./spend-settings.ts";

const hostname = z
  .string()
  .max(253)
  .regex(
    /^(?=.)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    "a lower-case host name without port, such as video.example.com",
  );

/** A business user's website: which host names it answers to, where its origin is, how its files are delivered. */
export const siteSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "1 to 63 lower-case letters, digits and hyphens, such as my-site"),
    hosts: z.array(hostname).min(1).max(100),
    origin: originUrl,
    origins: originSettingsSchema.prefault({}),
    allowPrivateOrigin: z.boolean().default(false),
    rules: z.array(deliveryRuleSchema).max(200).default([]),
    cache: cacheSettingsSchema.prefault({}),
    access: accessSettingsSchema.prefault({}),
    rewrite: rewriteSettingsSchema.prefault({}),
    spend: spendSettingsSchema.prefault({}),
  })
  .superRefine(refuseContradictions);

export type Site = z.infer<typeof siteSchema>;

/** What the request path needs of the configured sites. Lookups are synchronous: every site is held in memory. */
export interface Sites {
  byHost(hostname: string): Site | undefined;
  byName(name: string): Site | undefined;
  list(): Site[];
}
