import { isIP } from "node:net";
import { isPublicAddress } from "@neson/kit/address";
import type { z } from "zod";
import { findRedirectLoop } from "../rules/redirect-loop.ts";
import type { OriginSettings } from "./origin-settings.ts";
import type { RewriteSettings } from "./rewrite-settings.ts";
import type { SpendSettings } from "./spend-settings.ts";

interface Judged {
  hosts: readonly string[];
  rewrite: RewriteSettings;
  origin: string;
  origins: OriginSettings;
  spend: SpendSettings;
  allowPrivateOrigin: boolean;
}

/** Settings that are right each by itself and cannot be meant together: a host name the site does not have, redirects in a circle, a webhook that would never be dialled. */
export function refuseContradictions(
  { hosts, rewrite, origin, origins, spend, allowPrivateOrigin }: Judged,
  context: z.RefinementCtx,
): void {
  if (spend.webhook !== undefined && !allowPrivateOrigin && isPrivatePlace(spend.webhook)) {
    const message = "a URL at a public address (or set allowPrivateOrigin for the site)";
    context.addIssue({ code: "custom", path: ["spend", "webhook"], message });
  }
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

/** Whether an address or a name of the operator's own network stands in that URL; what a name leads to is seen when it is dialled. */
function isPrivatePlace(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? /(^|\.)localhost\.?$/.test(host) : !isPublicAddress(host);
}
