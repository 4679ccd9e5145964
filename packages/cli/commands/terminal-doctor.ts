import { systemClock } from "@neson/kit/clock";
import { addFlags, readEnvironment } from "@neson/kit/config";
import { silentLog } from "@neson/kit/log";
import { terminalOptions } from "@neson/terminal/config";
import { measureDisk } from "@neson/terminal/hardware/disk-speed";
import { startTerminal } from "@neson/terminal/terminal";
import type { Command } from "commander";
import packageJson from "../package.json";
import { examine } from "../terminal/doctor/examine.ts";
import type { Finding } from "../terminal/doctor/finding.ts";
import { findingLines, verdictLine } from "../terminal/doctor/render.ts";
import { hardwareNow } from "../terminal/hardware-now.ts";
import { lookOf } from "../terminal/look.ts";
import { machineLines } from "../terminal/machine-lines.ts";
import { openPanel } from "../terminal/panel-client.ts";
import { readTerminalConfig } from "../terminal/settings-file.ts";

type DoctorFlags = Record<string, unknown> & { json?: boolean; hardware?: boolean };

/** `neson terminal doctor`: what is wrong with this Terminal, or would be, and how to mend it. Exit code 1 when something fails. */
export function addTerminalDoctor(terminal: Command): void {
  const command = terminal
    .command("doctor")
    .description("check clock, disk, port, reachability, certificate and version, and say how to mend each");
  addFlags(command, terminalOptions)
    .option("--json", "print JSON")
    .option("--hardware", "only show what this machine is, as the Router is told")
    .action(async ({ json, hardware, ...flags }: DoctorFlags) => {
      const given = { flags, env: readEnvironment() };
      if (hardware === true) return showHardware(given, json === true);
      await showFindings(given, json === true);
    });
}

type Given = Parameters<typeof readTerminalConfig>[0];

async function showHardware(given: Given, isJson: boolean): Promise<void> {
  const config = await readTerminalConfig(given);
  const status = await (await openPanel(config.dataDir, fetch))?.status();
  const hardware = status?.hardware ?? (await hardwareNow(config, { clock: systemClock, measureDisk }));
  say(isJson ? [JSON.stringify(hardware, null, 2)] : machineLines(hardware));
}

async function showFindings(given: Given, isJson: boolean): Promise<void> {
  const config = await readTerminalConfig(given);
  const status = await (await openPanel(config.dataDir, fetch))?.status();
  const look = lookOf(process.stdout.isTTY === true, given.env, process.platform);
  const deps = { clock: systemClock, log: silentLog, random: Math.random };
  const findings: Finding[] = [];
  const examination = examine(config, {
    status,
    version: packageJson.version,
    fetch: (url, init) => fetch(url, init),
    clock: systemClock,
    measureDisk,
    startTerminal: (trial) => startTerminal(trial, deps),
  });
  for await (const finding of examination) {
    findings.push(finding);
    if (!isJson) say(findingLines(finding, look));
  }
  if (isJson) say([JSON.stringify({ isRunning: status !== undefined, findings }, null, 2)]);
  else say(["", verdictLine(findings, look)]);
  // Set, not exited with: a pipe may still be taking what was said.
  process.exitCode = findings.some(({ state }) => state === "fail") ? 1 : 0;
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
