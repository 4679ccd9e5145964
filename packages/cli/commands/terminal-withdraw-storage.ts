import { systemClock } from "@neson/kit/clock";
import { addFlags, defineOptions, readEnvironment, readOptions } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";
import { createLog } from "@neson/kit/log";
import { terminalOptions } from "@neson/terminal/config";
import { sizeText } from "@neson/terminal/panel/size-text";
import type { Command } from "commander";
import { z } from "zod";
import { Interview } from "../terminal/interview.ts";
import { openPanel } from "../terminal/panel-client.ts";
import { withdrawStopped } from "../terminal/withdraw-stopped.ts";

const withdrawOptions = defineOptions({ dataDir: terminalOptions.dataDir });
const freedSchema = z.object({ freedBytes: z.number().min(0) });
const CALL_MS = 10 * 60_000;

/** `neson terminal withdraw-storage`: every stored object is deleted; key and unsettled claims stay. */
export function addTerminalWithdrawStorage(terminal: Command): void {
  const command = terminal
    .command("withdraw-storage")
    .description("delete every stored object; the Terminal's key and unsettled claims stay");
  addFlags(command, withdrawOptions)
    .option("--yes", "ask nothing")
    .action(async (flags: Record<string, unknown> & { yes?: boolean }) => {
      const { dataDir } = readOptions(withdrawOptions, { flags, env: readEnvironment() });
      if (flags.yes !== true && !(await isAgreed(`Delete every object stored in ${dataDir}?`))) {
        process.stdout.write("nothing was deleted\n");
        return;
      }
      process.stdout.write(`${await withdraw(dataDir)}\n`);
    });
}

async function withdraw(dataDir: string): Promise<string> {
  const panel = await openPanel(dataDir, fetch);
  const status = await panel?.status();
  if (panel !== undefined && status !== undefined) {
    const signal = AbortSignal.timeout(CALL_MS);
    const { freedBytes } = await panel.call("withdraw-storage", {}, freedSchema, signal);
    return `freed ${sizeText(freedBytes)}; nothing new is saved until you lend room again (neson terminal quota SIZE) or start it anew`;
  }
  const log = createLog({ name: "terminal", level: "warn" });
  const { freedBytes, foreignCount } = await withdrawStopped(dataDir, { clock: systemClock, log });
  const left = foreignCount === 0 ? "" : `; left alone: ${foreignCount} that no Terminal made`;
  return `freed ${sizeText(freedBytes)}${left}`;
}

async function isAgreed(question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true) {
    const message = `${question} found nobody to ask, allowed: --yes, or a terminal window`;
    throw new NesonError("not-agreed", message, { fault: "operator" });
  }
  using interview = new Interview({ input: process.stdin, output: process.stdout });
  return await interview.agrees(question);
}
