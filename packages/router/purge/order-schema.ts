import { z } from "zod";
import type { PurgeOrder } from "./order.ts";

/** An order as another Router sends it. */
export const purgeOrderSchema: z.ZodType<PurgeOrder> = z.object({
  site: z.string().min(1).max(255),
  by: z.enum(["url", "path", "prefix", "tag", "site"]),
  value: z.string().max(65_536),
  mode: z.enum(["hard", "soft"]),
});
