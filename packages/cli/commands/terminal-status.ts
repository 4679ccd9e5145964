import { addFlags, defineOptions, readEnvironment, readOptions } from "@neson/kit/config";
import { terminalOptions } from "@neson/terminal/config";
import type { Command } from "commander";
import { lookOf } from "../terminal/look.ts";
import { notRunning, openPanel } from "../terminal/panel-client.ts";
import { statusLines } from "../terminal/status-lines.ts";

const statusOptions = defineOptions({ dataDir: terminalOptions.dataDir });

/** `neson terminal status`: how the Terminal that runs on a data directory does. Exit code 1 when none runs. */
export function addTerminalStatus(terminal: Command): void {
  const command = terminal.command("status").description("how the running Terminal does");
  addFlags(command, statusOptions)
    .option("--json", "print everything as JSON")
    .action(async (flags: Record<string, unknown> & { json?: boolean }) => {
      const env = readEnvironment();
      const { dataDir } = readOptions(statusOptions, { flags, env });
      const panel = await openPanel(dataDir, fetch);
      const status = await panel?.status();
      if (panel === undefined || status === undefined) {
        process.stderr.write(`neson: ${notRunning(dataDir).message}\n`);
        process.exitCode = 1;
        return;
      }
      if (flags.json === true) {
        process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
        return;
      }
      const isTerminal = process.stdout.isTTY === true;
      const lines = statusLines(status, lookOf(isTerminal, env, process.platform));
      // The link lets its holder change things: shown to a person, not to a log.
      if (isTerminal) lines.push("", `  panel     ${panel.link}`);
      process.stdout.write(`${lines.join("\n")}\n`);
    });
}
