import { describeError, NesonError } from "@neson/kit/error";
import { Command, CommanderError } from "commander";
import { addDemoOrigin } from "./commands/demo-origin.ts";
import { addKeyAdd } from "./commands/key-add.ts";
import { addKeyLs } from "./commands/key-ls.ts";
import { addKeyRm } from "./commands/key-rm.ts";
import { addKeyRotate } from "./commands/key-rotate.ts";
import { addRouterBackup } from "./commands/router-backup.ts";
import { addRouterRestore } from "./commands/router-restore.ts";
import { addRouterRun } from "./commands/router-run.ts";
import { addSimEvict } from "./commands/sim-evict.ts";
import { addSiteAdd } from "./commands/site-add.ts";
import { addSiteCap } from "./commands/site-cap.ts";
import { addSiteLogs } from "./commands/site-logs.ts";
import { addSiteLs } from "./commands/site-ls.ts";
import { addSitePrefetch } from "./commands/site-prefetch.ts";
import { addSitePurge } from "./commands/site-purge.ts";
import { addSitePut } from "./commands/site-put.ts";
import { addSiteRm } from "./commands/site-rm.ts";
import { addSiteRules } from "./commands/site-rules.ts";
import { addSiteShow } from "./commands/site-show.ts";
import { addSiteSign } from "./commands/site-sign.ts";
import { addSiteStats } from "./commands/site-stats.ts";
import { addTerminalDoctor } from "./commands/terminal-doctor.ts";
import { addTerminalLeave } from "./commands/terminal-leave.ts";
import { addTerminalQuota } from "./commands/terminal-quota.ts";
import { addTerminalRun } from "./commands/terminal-run.ts";
import { addTerminalStatus } from "./commands/terminal-status.ts";
import { addTerminalUpdate } from "./commands/terminal-update.ts";
import { addTerminalWithdrawStorage } from "./commands/terminal-withdraw-storage.ts";
import { addUp } from "./commands/up.ts";
import packageJson from "./package.json";

/** The exit code of every refused argument, setting or environment. */
const REFUSED = 2;

function buildProgram(): Command {
  const program = new Command("neson")
    .description("NESON: a content-delivery network made of other people's idle servers")
    .version(packageJson.version)
    .addHelpText("after", "\nStart here: neson up (a whole network on this machine, with a demo site).")
    .showSuggestionAfterError();
  addUp(program);
  const router = program.command("router").description("answer for websites");
  addRouterRun(router);
  addRouterBackup(router);
  addRouterRestore(router);
  const terminal = program.command("terminal").description("lend a server to the network");
  addTerminalRun(terminal);
  addTerminalDoctor(terminal);
  addTerminalStatus(terminal);
  addTerminalQuota(terminal);
  addTerminalLeave(terminal);
  addTerminalWithdrawStorage(terminal);
  addTerminalUpdate(terminal);
  addSiteCommands(program.command("site").description("the websites behind a running Router"));
  addKeyCommands(program.command("key").description("keys of a running Router's control API"));
  addSimEvict(program.command("sim").description("replay recorded requests"));
  addDemoOrigin(program);
  refuseInOneLine(program);
  return program;
}

function addSiteCommands(site: Command): void {
  addSiteAdd(site);
  addSiteLs(site);
  addSitePut(site);
  addSiteShow(site);
  addSiteRm(site);
  addSiteRules(site);
  addSiteSign(site);
  addSiteStats(site);
  addSiteLogs(site);
  addSiteCap(site);
  addSitePurge(site);
  addSitePrefetch(site);
}

function addKeyCommands(key: Command): void {
  addKeyAdd(key);
  addKeyLs(key);
  addKeyRotate(key);
  addKeyRm(key);
}

/** Every command reports bad input by throwing, so that it becomes one line and one exit code. */
function refuseInOneLine(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {}, writeErr: () => {} });
  for (const child of command.commands) refuseInOneLine(child);
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exit(0);
    const line = error.message
      .replace(/^error: /, "")
      .replace(/\s+/g, " ")
      .replace(/\.$/, "");
    process.stderr.write(`neson: ${line === "(outputHelp)" ? "name a command; see --help" : `${line}; see --help`}\n`);
    process.exit(REFUSED);
  }
  if (error instanceof NesonError && (error.fault === "caller" || error.fault === "operator")) {
    process.stderr.write(`neson: ${describeError(error)}\n`);
    process.exit(REFUSED);
  }
  throw error;
}
