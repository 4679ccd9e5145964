import { type SentSite, sentSiteSchema } from "@neson/router/api/sent-site";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { ruleCells } from "../site-rule.ts";
import { textFacts, textTable } from "../text-table.ts";

const GROUPS = ["name", "hosts", "origin", "rules"];

/** `neson site show NAME`: one website with every setting that is not at its default. */
export function addSiteShow(site: Command): void {
  const command = site
    .command("show")
    .description("show a website with every setting that is not at its default")
    .argument("<name>", "the site's short name");
  addApiFlags(command).action(async (name: string, flags: Record<string, unknown>) => {
    const answer = await (await openApiOf(flags)).call("GET", `/sites/${encodeURIComponent(name)}`);
    const shown = read(sentSiteSchema, answer);
    print(flags, shown, siteText(shown));
  });
}

/** A site for people; secrets have not come this far. */
function siteText(site: SentSite): string {
  const defaults = sentSiteSchema.parse({ name: site.name, hosts: site.hosts, origin: site.origin });
  const others = Object.entries(site).filter(([group]) => !GROUPS.includes(group));
  const rules = textTable(["path", "type", "bytes", "delivered"], site.rules.map(ruleCells));
  return textFacts([
    ["name", site.name],
    ["hosts", site.hosts.join("\n")],
    ["origin", site.origin],
    ["rules", site.rules.length === 0 ? "none: the network's own" : rules],
    ...others.flatMap(([group, value]) => differences(group, value, (defaults as Record<string, unknown>)[group])),
  ]);
}

/** Settings that are not at their default, by their path: "cache.query.use". */
function differences(path: string, value: unknown, usual: unknown): [string, string][] {
  if (JSON.stringify(value) === JSON.stringify(usual)) return [];
  if (!isGroup(value)) return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
  const known = isGroup(usual) ? usual : {};
  return Object.entries(value).flatMap(([name, inner]) => differences(`${path}.${name}`, inner, known[name]));
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
