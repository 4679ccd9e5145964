import type { Command } from "commander";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";

/** `neson site rm NAME`: stops answering for a website. */
export function addSiteRm(site: Command): void {
  const command = site
    .command("rm")
    .description("stop answering for a website")
    .argument("<name>", "the site's short name");
  addApiFlags(command).action(async (name: string, flags: Record<string, unknown>) => {
    await (await openApiOf(flags)).call("DELETE", `/sites/${encodeURIComponent(name)}`);
    print(flags, { removed: name }, `site ${name} removed`);
  });
}
