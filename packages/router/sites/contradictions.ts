import type { z } from "zod";
import { findRedirectLoop } from "../rules/redirect-loop.ts";
import type { RewriteSettings } from "./rewrite-settings.ts";

/** Settings that are right each by itself and cannot be meant together: a host name the site does not have, redirects in a circle. */
export function refuseContradictions(
  { hosts, rewrite }: { hosts: readonly string[]; rewrite: RewriteSettings },
  context: z.RefinementCtx,
): void {
  const { canonicalHost, redirects } = rewrite;
  if (canonicalHost !== undefined && !hosts.includes(canonicalHost)) {
    const message = `one of the site's hosts (${hosts.slice(0, 5).join(", ")})`;
    context.addIssue({ code: "custom", path: ["rewrite", "canonicalHost"], message });
  }
  const loop = findRedirectLoop(redirects, hosts);
  if (loop === undefined) return;
  const message = `redirects that end: a request for ${loop.path} would go ${loop.round.join(" → ")} → … without end`;
  context.addIssue({ code: "custom", path: ["rewrite", "redirects"], message: message.slice(0, 500) });
}
