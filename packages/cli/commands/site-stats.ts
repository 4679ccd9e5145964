import { systemClock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { statsSchema } from "@neson/router/api/calls/traffic";
import { STEP_NAMES } from "@neson/router/traffic/figure-tables";
import { DIMENSIONS } from "@neson/router/traffic/tally";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { durationOf } from "../duration-flag.ts";
import { statsText } from "../site-figures.ts";

interface StatsFlags extends Record<string, unknown> {
  since: string;
  by: string;
  step?: string;
  csv?: boolean;
}

/** `neson site stats NAME`: how much a website is asked for. */
export function addSiteStats(site: Command): void {
  const command = site
    .command("stats")
    .description("show how much a website is asked for, over time or by what tells requests apart")
    .argument("<name>", "the site's short name")
    .option("--since <duration>", 'how far back, such as "2h" or "30d"', "24h")
    .option("--by <what>", DIMENSIONS.join(", "), "total")
    .option("--step <length>", `${STEP_NAMES.join(", ")}; by how far back it goes when left out`)
    .option("--csv", "print a table for other programs (times are UTC)");
  addApiFlags(command).action(async (name: string, flags: StatsFlags) => {
    if (flags.csv === true && flags.json === true) {
      const message = "options --csv and --json: found both, allowed: one of them";
      throw new NesonError("bad-option", message, { fault: "operator" });
    }
    const from = new Date(systemClock.nowMs() - durationOf("--since", flags.since)).toISOString();
    const query = { from, by: flags.by, step: flags.step };
    const api = await openApiOf(flags);
    const path = `/sites/${encodeURIComponent(name)}/stats`;
    if (flags.csv === true) {
      const answer = await api.stream(`${path}.csv`, { query });
      for await (const block of answer.body ?? []) process.stdout.write(block);
      return;
    }
    const stats = read(statsSchema, await api.call("GET", path, { query }));
    print(flags, stats, statsText(stats));
  });
}
