import { readFile } from "node:fs/promises";
import { describeError, NesonError } from "@neson/kit/error";
import { prefetchSchema } from "@neson/router/api/calls/prefetch";
import type { Command } from "commander";
import type { z } from "zod";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { jobDone } from "../job-wait.ts";

/** URLs of one call. */
const MAX_URLS = 1000;

interface PrefetchFlags extends Record<string, unknown> {
  from?: string;
  playlists?: boolean;
  wait?: boolean;
}

type Job = z.output<typeof prefetchSchema>;

/** `neson site prefetch NAME URL...`: has a Router pull URLs ahead of demand. */
export function addSitePrefetch(site: Command): void {
  const command = site
    .command("prefetch")
    .description("pull URLs of a website into the Router, and on to Terminals, ahead of demand")
    .argument("<name>", "the site's short name")
    .argument("[url...]", "URLs of the site, or what follows its host")
    .option("--from <file>", "read more of them from a file, one a line")
    .option("--playlists", "also what HLS playlists among them name")
    .option("--wait", "wait until all are pulled");
  addApiFlags(command).action(async (name: string, given: string[], flags: PrefetchFlags) => {
    const urls = [...given, ...(flags.from === undefined ? [] : await linesOf(flags.from))];
    if (urls.length === 0) {
      throw new NesonError("bad-option", "name URLs to prefetch, or a file of them with --from", { fault: "operator" });
    }
    const api = await openApiOf(flags);
    const path = `/sites/${encodeURIComponent(name)}/prefetches`;
    const jobs: Job[] = [];
    for (let first = 0; first < urls.length; first += MAX_URLS) {
      const body = { urls: urls.slice(first, first + MAX_URLS), followPlaylists: flags.playlists === true };
      jobs.push(read(prefetchSchema, await api.call("POST", path, { body })));
    }
    const last: Job[] = [];
    for (const job of jobs) {
      const wait = { path: `${path}/${job.id}`, schema: prefetchSchema, line: prefetchLine };
      last.push(flags.wait === true ? await jobDone(api, wait) : job);
    }
    print(flags, last, last.flatMap((job) => [prefetchLine(job), ...troublesOf(job)]).join("\n"));
  });
}

async function linesOf(path: string): Promise<string[]> {
  try {
    const lines = (await readFile(path, "utf8")).split(/\r?\n/).map((line) => line.trim());
    return lines.filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    const message = `option --from: reading ${path} failed: ${describeError(error)}`;
    throw new NesonError("bad-option", message, { fault: "operator" });
  }
}

function prefetchLine({ id, state, targets, bytes }: Job): string {
  const { waiting, stored, fresh, notStorable, failed } = targets;
  const ends = `${stored} stored, ${fresh} there already, ${notStorable} not storable, ${failed} failed, ${waiting} waiting`;
  return `prefetch ${id}: ${state}, ${ends}; ${bytes} bytes`;
}

function troublesOf({ troubles }: Job): string[] {
  return (troubles ?? []).map(({ target, detail }) => `  ${target}: ${detail}`);
}
