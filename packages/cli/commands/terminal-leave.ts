import { systemClock } from "@neson/kit/clock";
import { addFlags, defineOptions, readEnvironment, readOptions } from "@neson/kit/config";
import { terminalOptions } from "@neson/terminal/config";
import type { Command } from "commander";
import { endedText } from "../terminal/ended.ts";
import { LEAVE_WITHIN_MS, leaveTerminal } from "../terminal/leave.ts";
import { notRunning, openPanel } from "../terminal/panel-client.ts";

const leaveOptions = defineOptions({ dataDir: terminalOptions.dataDir });

/** `neson terminal leave`: the running Terminal finishes what is open, settles its claims, and ends. */
export function addTerminalLeave(terminal: Command): void {
  const command = terminal
    .command("leave")
    .description("let the running Terminal finish what is open, settle its claims, and end");
  addFlags(command, leaveOptions).action(async (flags: Record<string, unknown>) => {
    const { dataDir } = readOptions(leaveOptions, { flags, env: readEnvironment() });
    const panel = await openPanel(dataDir, fetch);
    if (panel === undefined) throw notRunning(dataDir);
    const say = (line: string) => process.stdout.write(`${line}\n`);
    const { isBack } = await leaveTerminal(panel, { dataDir, say, clock: systemClock, withinMs: LEAVE_WITHIN_MS });
    if (isBack) say("it has left, but something has started it again: stop its service");
    else say(await endedText(dataDir, systemClock));
  });
}
