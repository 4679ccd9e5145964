import { NesonError } from "@neson/kit/error";
import { purgeSchema } from "@neson/router/api/calls/purge";
import type { Command } from "commander";
import type { z } from "zod";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { jobDone } from "../job-wait.ts";

interface PurgeFlags extends Record<string, unknown> {
  url?: string;
  anyQuery?: boolean;
  prefix?: string;
  tag?: string;
  all?: boolean;
  soft?: boolean;
  wait?: boolean;
}

/** `neson site purge NAME`: takes stored responses out of a Router and its Terminals. */
export function addSitePurge(site: Command): void {
  const command = site
    .command("purge")
    .description("take what is stored of a website out of the Router and every Terminal")
    .argument("<name>", "the site's short name")
    .option("--url <url>", "one URL, all variants of it")
    .option("--any-query", "with --url: whatever its query")
    .option("--prefix <url>", "everything whose URL begins so")
    .option("--tag <tag>", "everything that carries the tag in Cache-Tag or Surrogate-Key")
    .option("--all", "everything of the site")
    .option("--soft", "make it stale instead: it is served again once the origin has confirmed it")
    .option("--wait", "wait until Terminals have answered too");
  addApiFlags(command).action(async (name: string, flags: PurgeFlags) => {
    const { url, prefix, tag, all, soft, anyQuery } = flags;
    if ([url, prefix, tag, all].filter((given) => given !== undefined).length !== 1) {
      const message = "name what to purge with exactly one of --url, --prefix, --tag and --all";
      throw new NesonError("bad-option", message, { fault: "operator" });
    }
    const api = await openApiOf(flags);
    const path = `/sites/${encodeURIComponent(name)}/purges`;
    const body = { url, prefix, tag, all, soft, anyQuery };
    const begun = read(purgeSchema, await api.call("POST", path, { body }));
    const wait = { path: `${path}/${begun.id}`, schema: purgeSchema, line: purgeLine };
    const job = flags.wait === true ? await jobDone(api, wait) : begun;
    print(flags, job, purgeLine(job));
  });
}

function purgeLine({ id, state, mode, entries, terminals }: z.output<typeof purgeSchema>): string {
  const { told, acknowledged, silent, absent } = terminals;
  const done = `${entries.removed} of ${entries.found} ${mode === "soft" ? "made stale" : "removed"}`;
  const missing = silent + absent === 0 ? "" : `, ${silent} silent, ${absent} gone; they are told again`;
  return `purge ${id}: ${state}, ${done}; Terminals: ${acknowledged} of ${told} acknowledged${missing}`;
}
