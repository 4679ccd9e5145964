import { sentSiteSchema } from "@neson/router/api/sent-site";
import type { Command } from "commander";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { textTable } from "../text-table.ts";

/** `neson site ls`: the websites, one a line. */
export function addSiteLs(site: Command): void {
  const command = site.command("ls").description("list the websites");
  addApiFlags(command).action(async (flags: Record<string, unknown>) => {
    const sites = await (await openApiOf(flags)).list("/sites", "sites", sentSiteSchema);
    const rows = sites.map(({ name, hosts, origin, rules }) => [name, hosts.join(", "), origin, String(rules.length)]);
    const none = "no sites yet; add one with: neson site add";
    print(flags, sites, rows.length === 0 ? none : textTable(["name", "hosts", "origin", "rules"], rows));
  });
}
