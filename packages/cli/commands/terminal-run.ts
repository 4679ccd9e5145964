import { addFlags } from "@neson/kit/config";
import { terminalOptions } from "@neson/terminal/config";
import { runTerminal } from "@neson/terminal/main";
import type { Command } from "commander";

/** `neson terminal run`: one Terminal, until it is told to stop. */
export function addTerminalRun(terminal: Command): void {
  const command = terminal.command("run").description("lend this machine's disk and link to the network");
  addFlags(command, terminalOptions)
    .option("--ready-file <file>", "write JSON with the Terminal's URL and id here once it serves")
    .action((flags: Record<string, unknown> & { readyFile?: string }) =>
      runTerminal(flags, { readyFile: flags.readyFile }),
    );
}
