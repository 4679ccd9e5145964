import { isIP } from "node:net";
import { isPublicAddress } from "@neson/kit/address";
import { NesonError } from "@neson/kit/error";
import type { Command } from "commander";
import { openAdminClient } from "../admin-client.ts";

interface AddFlags {
  data: string;
  name: string;
  host: string[];
  origin: string;
  allowPrivateOrigin?: boolean;
  rule: { path?: string; type?: string; deliver: "router" | "redirect" }[];
}

/** `neson site add | ls | rm`: the websites that a running Router answers for. */
export function addSiteCommands(site: Command): void {
  site
    .command("add")
    .description("put a website behind the network, or change one of the same name")
    .requiredOption("--name <name>", "short name: lower-case letters, digits, hyphens")
    .requiredOption("--host <host...>", "host names that viewers use")
    .requiredOption("--origin <url>", "where the website itself is; only the Router ever learns it")
    .option("--allow-private-origin", "let the origin be at a private or loopback address")
    .option(
      "--rule <rule>",
      "PATH=router, PATH=redirect, type:TYPE=router or type:TYPE=redirect; first match decides",
      addRule,
      [],
    )
    .option("--data <dir>", "data directory of the Router", ".neson/router")
    .action(async (flags: AddFlags) => {
      if (flags.allowPrivateOrigin !== true) refusePrivateOrigin(flags.origin);
      const client = await openAdminClient(flags.data);
      const added = await client.putSite({
        name: flags.name,
        hosts: flags.host,
        origin: flags.origin,
        allowPrivateOrigin: flags.allowPrivateOrigin ?? false,
        rules: flags.rule,
      });
      process.stdout.write(`site ${added.name}: ${added.hosts.join(", ")} → ${added.origin}\n`);
    });
  site
    .command("ls")
    .description("list the websites")
    .option("--data <dir>", "data directory of the Router", ".neson/router")
    .option("--json", "print JSON")
    .action(async (flags: { data: string; json?: boolean }) => {
      const sites = await (await openAdminClient(flags.data)).sites();
      if (flags.json) process.stdout.write(`${JSON.stringify(sites, null, 2)}\n`);
      else if (sites.length === 0) process.stdout.write("no sites yet; add one with: neson site add\n");
      else
        for (const { name, hosts, origin } of sites) process.stdout.write(`${name}: ${hosts.join(", ")} → ${origin}\n`);
    });
  site
    .command("rm")
    .description("stop answering for a website")
    .argument("<name>", "the site's short name")
    .option("--data <dir>", "data directory of the Router", ".neson/router")
    .action(async (name: string, flags: { data: string }) => {
      await (await openAdminClient(flags.data)).removeSite(name);
      process.stdout.write(`site ${name} removed\n`);
    });
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

function addRule(text: string, rules: AddFlags["rule"]): AddFlags["rule"] {
  const match = /^(type:)?(.+)=(router|redirect)$/.exec(text);
  const pattern = match?.[2];
  if (match === null || pattern === undefined || (match[1] === undefined && !pattern.startsWith("/"))) {
    const allowed = 'a rule such as "/members/*=router" or "type:video/*=redirect"';
    throw new NesonError("bad-rule", `option --rule: found ${JSON.stringify(text)}, allowed: ${allowed}`, {
      fault: "operator",
    });
  }
  const deliver = match[3] === "router" ? "router" : "redirect";
  return [...rules, match[1] === undefined ? { path: pattern, deliver } : { type: pattern, deliver }];
}
