import { rm } from "node:fs/promises";
import { systemClock } from "@neson/kit/clock";
import {
  addFlags,
  defineOptions,
  option,
  pathSchema,
  portSchema,
  readEnvironment,
  readOptions,
  urlSchema,
  type ValuesOf,
} from "@neson/kit/config";
import { describeError, NesonError } from "@neson/kit/error";
import { writeFileAtomic } from "@neson/kit/files";
import { runService } from "@neson/kit/lifecycle";
import type { Command } from "commander";
import { z } from "zod";
import { summaryLine, tableLines } from "../up/live-table.ts";
import { type Network, startNetwork } from "../up/network.ts";
import { Screen } from "../up/screen.ts";

const TABLE_EVERY_MS = 1000;
const SUMMARY_EVERY_MS = 10_000;
const ORIGIN_ANSWERS_WITHIN_MS = 10_000;

const upOptions = defineOptions({
  origin: option({
    schema: urlSchema.optional(),
    flag: "--origin",
    env: "NESON_UP_ORIGIN",
    doc: "the website to put behind the network; without it, a demo site",
  }),
  port: option({
    schema: portSchema,
    flag: "--port",
    env: "NESON_UP_PORT",
    doc: "port of the site on 127.0.0.1; 0 takes a free one",
    default: "8080",
  }),
  dataDir: option({
    schema: pathSchema,
    flag: "--data",
    env: "NESON_UP_DATA",
    doc: "directory of everything the network keeps",
    default: ".neson",
  }),
  terminals: option({
    schema: z.coerce.number().int().min(1).max(64).describe("a whole number from 1 to 64"),
    flag: "--terminals",
    env: "NESON_UP_TERMINALS",
    doc: "how many Terminals",
    default: 3,
  }),
  readyFile: option({
    schema: pathSchema.optional(),
    flag: "--ready-file",
    env: "NESON_UP_READY_FILE",
    doc: "JSON with site, router, terminals and pids, written once the network serves",
  }),
});

/** `neson up`: the whole network on this machine. */
export function addUp(program: Command): void {
  const command = program
    .command("up")
    .description("run the whole network on this machine, with a demo site or your own");
  addFlags(command, upOptions).action((flags: Record<string, unknown>) => {
    return runService(async (signal) => {
      const options = readOptions(upOptions, { flags, env: readEnvironment() });
      if (options.origin !== undefined) await requireAnswer(options.origin, signal);
      return openUp(options, signal);
    });
  });
}

async function requireAnswer(origin: string, stopping: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(ORIGIN_ANSWERS_WITHIN_MS)]);
  try {
    const answer = await fetch(origin, { redirect: "manual", signal });
    await answer.body?.cancel();
  } catch (error) {
    stopping.throwIfAborted();
    const message = `option --origin: found ${origin}, which does not answer (${describeError(error)}), allowed: a website that is running`;
    throw new NesonError("origin-silent", message, { fault: "operator" });
  }
}

async function openUp(options: ValuesOf<typeof upOptions>, signal: AbortSignal) {
  await using parts = new AsyncDisposableStack();
  const screen = new Screen(process.stdout);
  const say = (line: string) => screen.print(`neson: ${line}`);
  const { origin, readyFile } = options;
  // What a killed run left behind must not be taken for this one's.
  if (readyFile !== undefined) await rm(readyFile, { force: true });
  let network: Network | undefined;
  const changed = () => {
    writeFacts(network, readyFile).catch((error) => say(describeError(error)));
  };
  const starting = { ...options, origin };
  network = parts.use(await startNetwork(starting, { clock: systemClock, say, changed, signal }));
  if (readyFile !== undefined) parts.defer(() => rm(readyFile, { force: true }));
  await writeFacts(network, readyFile);
  for (const line of greeting(network, origin)) screen.print(line);
  const showing = show(network, screen);
  parts.defer(() => clearInterval(showing));
  const running = parts.move();
  return { ready: {}, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function writeFacts(network: Network | undefined, readyFile: string | undefined): Promise<void> {
  if (network === undefined || readyFile === undefined) return;
  try {
    await writeFileAtomic(readyFile, `${JSON.stringify(network.facts(), null, 2)}\n`);
  } catch (cause) {
    const message = `option --ready-file: found ${readyFile}, allowed: a file in a directory that exists and can be written`;
    throw new NesonError("ready-file-unwritable", message, { fault: "operator", cause });
  }
}

function greeting(network: Network, origin: string | undefined): string[] {
  const { site, terminals, panels } = network.facts();
  const what = origin === undefined ? "the demo site" : origin;
  const sample = origin === undefined ? `${site}/download/large.bin` : `${site}/some/large/file`;
  return [
    "",
    `  NESON serves ${what} at`,
    "",
    `      ${site}/`,
    "",
    `  through one Router and ${terminals.length} Terminal${terminals.length === 1 ? "" : "s"}. Follow a file to its Terminal:`,
    "",
    `      curl -vL ${sample} -o /dev/null`,
    "",
    "  What a Terminal's operator sees:",
    "",
    `      ${panels[0]}/`,
    "",
    "  Ctrl-C stops everything.",
    "",
  ];
}

function show(network: Network, screen: Screen): NodeJS.Timeout {
  const onTerminal = process.stdout.isTTY === true;
  let shown = "";
  let isAsking = false;
  const refresh = async () => {
    if (isAsking) return;
    isAsking = true;
    try {
      const status = await network.status();
      const { terminals, pids } = network.facts();
      const rows = terminals.map((endpoint, index) => ({ endpoint, pid: pids.terminals[index] ?? 0 }));
      if (onTerminal) screen.draw(tableLines(status, rows));
      else {
        const line = summaryLine(status);
        if (line !== shown) screen.print(line);
        shown = line;
      }
    } catch {
      // The Router is restarting: the supervisor has said so, and the next turn shows it again.
    } finally {
      isAsking = false;
    }
  };
  return setInterval(() => void refresh(), onTerminal ? TABLE_EVERY_MS : SUMMARY_EVERY_MS);
}
