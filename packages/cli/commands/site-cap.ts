import { NesonError } from "@neson/kit/error";
import { alertSchema } from "@neson/router/api/calls/spend";
import { billSchema } from "@neson/router/api/calls/usage";
import { spendSettingsSchema } from "@neson/router/sites/spend-settings";
import type { Command } from "commander";
import { z } from "zod";
import { type ApiClient, read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { type CapFacts, capText } from "../cap-text.ts";

interface CapFlags extends Record<string, unknown> {
  amount?: string;
  atLimit?: string;
  none?: boolean;
  alert?: number[];
  webhook?: string | false;
  newSecret?: boolean;
}

/** `neson site cap NAME`: what a website costs this month, and the limit to it. */
export function addSiteCap(site: Command): void {
  const command = site
    .command("cap")
    .description("show what a website costs this month, or set what it may cost")
    .argument("<name>", "the site's short name")
    .option("--amount <money>", 'the most it may cost in a month, such as "120" or "49.90"')
    .option("--at-limit <what>", "router-only (no Terminals, nothing more is charged) or stop (answered 509)")
    .option("--none", "take the cap away")
    .option("--alert <percent...>", "shares of the cap at which an alert is sent", percents)
    .option("--webhook <url>", "where alerts are posted, signed")
    .option("--no-webhook", "post alerts nowhere")
    .option("--new-secret", "make a new secret that alerts are signed with, and print it, once");
  addApiFlags(command).action(async (name: string, flags: CapFlags) => {
    const api = await openApiOf(flags);
    const path = `/sites/${encodeURIComponent(name)}`;
    const change = changeOf(flags, command.getOptionValueSource("webhook") === "cli");
    if (change !== undefined) await api.call("PATCH", `${path}/spend`, { body: change });
    const secret = flags.newSecret === true ? await newSecret(api, path) : undefined;
    const facts = await factsOf(api, path);
    print(flags, secret === undefined ? facts : { ...facts, secret }, capText(facts));
    if (secret === undefined || flags.json === true) return;
    process.stdout.write(`\nsecret  ${secret}\n`);
    process.stderr.write("this is the only time the secret is shown; the former one is good for another day\n");
  });
}

/** A merge patch of what the flags say; undefined when they change nothing. */
function changeOf(flags: CapFlags, hasWebhook: boolean): object | undefined {
  const { amount, atLimit, none, alert, webhook } = flags;
  if (none === true && (amount !== undefined || atLimit !== undefined)) {
    const message = "options --none and --amount or --at-limit: found both, allowed: one of them";
    throw new NesonError("bad-option", message, { fault: "operator" });
  }
  const cap = { ...(amount !== undefined && { amount }), ...(atLimit !== undefined && { atLimit }) };
  const change = {
    ...(none === true ? { cap: null } : Object.keys(cap).length > 0 && { cap }),
    ...(alert !== undefined && { alertPercents: alert }),
    ...(hasWebhook && { webhook: webhook === false ? null : webhook }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

async function newSecret(api: ApiClient, path: string): Promise<string> {
  return read(z.object({ secret: z.string() }), await api.call("POST", `${path}/webhook-secret`)).secret;
}

async function factsOf(api: ApiClient, path: string): Promise<CapFacts> {
  const [usage, spend, alerts] = await Promise.all([
    api.call("GET", `${path}/usage`),
    api.call("GET", `${path}/spend`),
    api.call("GET", `${path}/alerts`, { query: { limit: 10 } }),
  ]);
  return {
    usage: read(billSchema, usage),
    spend: read(spendSettingsSchema, spend),
    alerts: read(z.object({ alerts: z.array(alertSchema) }), alerts).alerts,
  };
}

function percents(text: string, former: number[] = []): number[] {
  return [...former, Number(text)];
}
