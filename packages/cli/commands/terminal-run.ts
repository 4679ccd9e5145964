import { hostname, networkInterfaces } from "node:os";
import { systemClock } from "@neson/kit/clock";
import { addFlags, readEnvironment, readOptions } from "@neson/kit/config";
import { createLog } from "@neson/kit/log";
import { terminalOptions } from "@neson/terminal/config";
import { hardwareBeforeStart } from "@neson/terminal/hardware/before-start";
import { runTerminal } from "@neson/terminal/main";
import type { Command } from "commander";
import { firstRun } from "../terminal/first-run.ts";
import { type Given, givenValue, readSettings, withSaved } from "../terminal/settings-file.ts";
import { ownProgram } from "../update/own-program.ts";
import { type UpdateOptions, updateProgram } from "../update/update-program.ts";
import { updateSurroundings } from "../update/update-surroundings.ts";

type RunFlags = Record<string, unknown> & { readyFile?: string; yes?: boolean };

/** `neson terminal run`: one Terminal, until it is told to stop. */
export function addTerminalRun(terminal: Command): void {
  const command = terminal.command("run").description("lend this machine's disk and link to the network");
  addFlags(command, terminalOptions)
    .option("--yes", "at the first run, take what would be proposed, and ask nothing")
    .option("--ready-file <file>", "write JSON with the Terminal's URL and id here once it serves")
    .action(async ({ yes, readyFile, ...flags }: RunFlags) => {
      const given = { flags, env: readEnvironment() };
      const settings = withSaved(given, await settingsFor(given, yes === true));
      await runTerminal(settings, { readyFile, installUpdate: ownProgram().isBuilt ? installUpdate : undefined });
    });
}

/** The operator agreed on the panel: what runs goes on until it is started anew. */
async function installUpdate(options: UpdateOptions, say: (line: string) => void): Promise<void> {
  await updateProgram(options, updateSurroundings({ say, agrees: async () => true }));
}

/** What `terminal.json` says, after asking for it where there is somebody to ask and nothing has named a Router. */
async function settingsFor(given: Given, isAgreed: boolean) {
  const { dataDir } = readOptions({ dataDir: terminalOptions.dataDir }, given);
  const saved = await readSettings(dataDir);
  if (saved !== undefined) return saved;
  const isPerson =
    process.stdin.isTTY === true && process.stdout.isTTY === true && givenValue("routerUrls", given) === undefined;
  if (!isPerson && !isAgreed) return {};
  return firstRun(given, {
    desk: isAgreed ? undefined : { input: process.stdin, output: process.stdout },
    say: (line) => process.stdout.write(`${line}\n`),
    detectHardware: (options) => hardwareBeforeStart(options, { clock: systemClock, log: quietLog() }),
    addresses: Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address)),
    hostname: hostname(),
  });
}

/** Nothing but what is wrong comes between the questions. */
function quietLog() {
  return createLog({ name: "terminal", level: "warn" });
}
