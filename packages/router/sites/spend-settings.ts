import { z } from "zod";

const MAX_WEBHOOK_CHARS = 2048;

/** Money as "120" or "49.90", in the currency of the network's prices. */
const amount = z.string().regex(/^\d{1,9}(\.\d{1,6})?$/, 'an amount of money such as "120" or "49.90"');

const webhookUrl = z
  .string()
  .max(MAX_WEBHOOK_CHARS)
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.hash === "";
  }, "an http or https URL without user or fragment, such as https://hooks.example.com/neson");

/** What a site may cost in a month, what happens at that limit, and who is told on the way. */
export const spendSettingsSchema = z.strictObject({
  cap: z
    .strictObject({
      /** Never more than this is charged for a UTC month. */
      amount,
      /** `router-only`: Terminals are no longer used and nothing more is charged. `stop`: requests are answered 509. */
      atLimit: z.enum(["router-only", "stop"]).default("router-only"),
    })
    .optional(),
  /** Shares of the cap, in percent, at which an alert is sent; each once a month. */
  alertPercents: z.array(z.number().int().min(1).max(100)).max(10).default([50, 80, 100]),
  /** Where alerts are posted, signed. */
  webhook: webhookUrl.optional(),
});

export type SpendSettings = z.output<typeof spendSettingsSchema>;
