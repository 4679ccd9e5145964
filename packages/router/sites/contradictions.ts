import type { z } from "zod";
import { findRedirectLoop } from "../rules/redirect-loop.ts";
import type { OriginSettings } from "./origin-settings.ts";
import type { RewriteSettings } from "./rewrite-settings.ts";

/** Settings that are right each by itself and cannot be meant together: a host name the site does not have, redirects in a circle. */
export function refuseContradictions(
  {
    hosts,
    rewrite,
    origin,
    origins,
  }: { hosts: readonly string[]; rewrite: RewriteSettings; origin: string; origins: OriginSettings },
  context: z.RefinementCtx,
): void {
  const { canonicalHost, redirects } = rewrite;
  if (canonicalHost !== undefined && !hosts.includes(canonicalHost)) {
    const message = `one of the site's hosts (${hosts.slice(0, 5).join(", ")})`;
    context.addIssue({ code: "custom", path: ["rewrite", "canonicalHost"], message });
  }
  const urls = [origin, ...origins.others.map(({ url }) => url)];
  if (new Set(urls).size !== urls.length) {
    context.addIssue({
      code: "custom",
      path: ["origins", "others"],
      message: "URLs that differ from each other and from the site's origin",
    });
  }
  const loop = findRedirectLoop(redirects, hosts);
  if (loop === undefined) return;
  const message = `redirects that end: a request for ${loop.path} would go ${loop.round.join(" → ")} → … without end`;
  context.addIssue({ code: "custom", path: ["rewrite", "redirects"], message: message.slice(0, 500) });
}
