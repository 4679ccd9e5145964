import { describeError, NesonError } from "@neson/kit/error";
import { logLineSchema } from "@neson/router/api/calls/logs";
import { OUTCOMES } from "@neson/router/edge/trace";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf } from "../api-flags.ts";
import { durationOf } from "../duration-flag.ts";
import { jsonLines } from "../json-lines.ts";
import { requestText } from "../log-line.ts";

interface LogFlags extends Record<string, unknown> {
  follow?: boolean;
  for: string;
  status?: string;
  outcome?: string;
  path?: string;
  country?: string;
  method?: string;
  why?: boolean;
}

/** `neson site logs NAME`: a website's requests as they end. */
export function addSiteLogs(site: Command): void {
  const command = site
    .command("logs")
    .description("show a website's requests as they end, from now on")
    .argument("<name>", "the site's short name")
    .option("--follow", "until Ctrl-C")
    .option("--for <duration>", "for so long, without --follow", "10s")
    .option("--status <status>", 'only with that status, such as "404" or "5xx"')
    .option("--outcome <outcome>", `only ${OUTCOMES.join(", ")}`)
    .option("--path <prefix>", "only paths that begin so")
    .option("--country <code>", 'only from there, such as "DE"')
    .option("--method <method>", 'only that method, such as "GET"')
    .option("--why", "with every decision and its reason");
  addApiFlags(command).action(async (name: string, flags: LogFlags) => {
    const { status, outcome, path, country, method } = flags;
    const signal = flags.follow === true ? undefined : AbortSignal.timeout(durationOf("--for", flags.for));
    const query = { status, outcome, path, country, method };
    const sent = { query, ...(signal !== undefined && { signal }) };
    const answer = await (await openApiOf(flags)).stream(`/sites/${encodeURIComponent(name)}/logs`, sent);
    try {
      for await (const line of jsonLines(answer.body ?? noBlocks())) show(line, flags);
    } catch (error) {
      if (signal?.aborted === true) return;
      if (error instanceof NesonError) throw error;
      const message = `the Router broke off the log of ${name}: ${describeError(error)}`;
      throw new NesonError("router-down", message, { fault: "operator", cause: error });
    }
  });
}

function show(json: unknown, { json: wantsJson, why }: LogFlags): void {
  const line = read(logLineSchema, json);
  if (line.type === "heartbeat") return;
  if (line.type === "dropped") {
    process.stderr.write(`neson: ${line.count} requests are missing here: this reader was too slow for them\n`);
  }
  if (wantsJson === true) process.stdout.write(`${JSON.stringify(line.type === "request" ? line.request : line)}\n`);
  else if (line.type === "request") process.stdout.write(requestText(line.request, why === true));
}

async function* noBlocks(): AsyncGenerator<Uint8Array> {}
