import { systemClock } from "@neson/kit/clock";
import { newKeySchema } from "@neson/router/api/calls/keys";
import { SCOPE_NAMES } from "@neson/router/api/scopes";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { durationOf } from "../duration-flag.ts";

interface AddFlags extends Record<string, unknown> {
  name: string;
  scope: string[];
  site?: string[];
  expires?: string;
}

/** `neson key add`: makes a key of the control API and prints it, once. */
export function addKeyAdd(key: Command): void {
  const command = key
    .command("add")
    .description("make a key; it is printed once and stored nowhere")
    .requiredOption("--name <name>", "who uses it, and for what")
    .requiredOption("--scope <scope...>", `what it may do: ${SCOPE_NAMES.join(", ")}`)
    .option("--site <name...>", "the only sites it is for; all when left out")
    .option("--expires <duration>", 'when it ends, from now, such as "90d"; never when left out');
  addApiFlags(command).action(async (flags: AddFlags) => {
    const expiresAt =
      flags.expires === undefined
        ? undefined
        : new Date(systemClock.nowMs() + durationOf("--expires", flags.expires)).toISOString();
    const body = { name: flags.name, scopes: flags.scope, sites: flags.site, expiresAt };
    const made = read(newKeySchema, await (await openApiOf(flags)).call("POST", "/keys", { body }));
    print(flags, made, made.secret);
    if (flags.json !== true) {
      process.stderr.write(`key ${made.key.id} made; this is the only time it is shown: put it into NESON_API_KEY\n`);
    }
  });
}
