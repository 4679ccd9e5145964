import { createInterface } from "node:readline/promises";
import { addFlags, defineOptions, readEnvironment, readOptions } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";
import { terminalOptions } from "@neson/terminal/config";
import type { Command } from "commander";
import { updateProgram } from "../update/update-program.ts";
import { updateSurroundings } from "../update/update-surroundings.ts";

const updateOptions = defineOptions({ dataDir: terminalOptions.dataDir, routerUrls: terminalOptions.routerUrls });

/** `neson terminal update`: the announced version in the place of this program, once its operator agrees. */
export function addTerminalUpdate(terminal: Command): void {
  const command = terminal
    .command("update")
    .description("replace this program by the version that the Router announced, if you agree");
  addFlags(command, updateOptions)
    .option("--yes", "agree beforehand")
    .action(async (flags: Record<string, unknown> & { yes?: boolean }) => {
      const options = readOptions(updateOptions, { flags, env: readEnvironment() });
      const say = (line: string) => process.stdout.write(`${line}\n`);
      await updateProgram(
        { dataDir: options.dataDir, routerUrl: options.routerUrls[0] },
        updateSurroundings({ say, agrees: flags.yes === true ? async () => true : askPerson }),
      );
    });
}

async function askPerson(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    const message = `${question} found nobody to ask, allowed: --yes, or a terminal window`;
    throw new NesonError("not-agreed", message, { fault: "operator" });
  }
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
