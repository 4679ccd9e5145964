import { z } from "zod";

const MAX_BYTES = 2 ** 50;

const bytes = z.number().int().min(0).max(MAX_BYTES);

/** One rule on how matching responses reach viewers; the first that matches decides. */
export const deliveryRuleSchema = z
  .strictObject({
    path: z.string().regex(/^[/*]/, "a path pattern that starts with / or *").max(1024).optional(),
    type: z.string().min(1).max(128).optional(),
    /** Smallest and largest body it is for, inclusive. */
    minBytes: bytes.optional(),
    maxBytes: bytes.optional(),
    /** See `Delivery` in policy/delivery.ts. */
    deliver: z.enum(["router", "redirect", "verified"]),
  })
  .refine(({ minBytes = 0, maxBytes = MAX_BYTES }) => minBytes <= maxBytes, "minBytes not above maxBytes");

export type DeliveryRule = z.infer<typeof deliveryRuleSchema>;
