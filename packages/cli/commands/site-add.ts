import { isIP } from "node:net";
import { isPublicAddress } from "@neson/kit/address";
import { NesonError } from "@neson/kit/error";
import { type SentSite, sentSiteSchema } from "@neson/router/api/sent-site";
import type { DeliveryRule } from "@neson/router/sites/rule-settings";
import type { Command } from "commander";
import type { z } from "zod";
import { type ApiClient, read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { RULE_DOC, readRule } from "../site-rule.ts";

interface AddFlags extends Record<string, unknown> {
  name: string;
  host: string[];
  origin: string;
  allowPrivateOrigin?: boolean;
  rule?: DeliveryRule[];
}

/** `neson site add`: puts a website behind the network, or changes these settings of one that is there. */
export function addSiteAdd(site: Command): void {
  const command = site
    .command("add")
    .description("put a website behind the network, or change one of the same name")
    .requiredOption("--name <name>", "short name: lower-case letters, digits, hyphens")
    .requiredOption("--host <host...>", "host names that viewers use")
    .requiredOption("--origin <url>", "where the website itself is; only the Router ever learns it")
    .option("--allow-private-origin", "let the origin be at a private or loopback address")
    .option("--rule <rule>", RULE_DOC, (text: string, rules: DeliveryRule[] = []) => readRule(text, rules));
  addApiFlags(command).action(async (flags: AddFlags) => {
    if (flags.allowPrivateOrigin !== true) refusePrivateOrigin(flags.origin);
    const added = await addOrChange(await openApiOf(flags), {
      name: flags.name,
      hosts: flags.host,
      origin: flags.origin,
      allowPrivateOrigin: flags.allowPrivateOrigin ?? false,
      ...(flags.rule && { rules: flags.rule }),
    });
    print(flags, added, `site ${added.name}: ${added.hosts.join(", ")} → ${added.origin}`);
  });
}

/** What is not given stays as it is when the site is there already: adding it again takes no signing key or limit away. */
async function addOrChange(api: ApiClient, site: z.input<typeof sentSiteSchema>): Promise<SentSite> {
  try {
    return read(sentSiteSchema, await api.call("POST", "/sites", { body: site }));
  } catch (error) {
    if (!(error instanceof NesonError) || error.details.code !== "site-exists") throw error;
    return read(sentSiteSchema, await api.call("PATCH", `/sites/${site.name}`, { body: site }));
  }
}

/** Says at once what the Router would say at the first request. Names are judged there, when they are resolved. */
function refusePrivateOrigin(origin: string): void {
  const host = URL.parse(origin)?.hostname.replace(/^\[|\]$/g, "") ?? "";
  const isPrivate = host === "localhost" || (isIP(host) !== 0 && !isPublicAddress(host));
  if (!isPrivate) return;
  const allowed = "a public address, or any with --allow-private-origin";
  throw new NesonError("bad-origin", `option --origin: found ${JSON.stringify(origin)}, allowed: ${allowed}`, {
    fault: "operator",
  });
}
