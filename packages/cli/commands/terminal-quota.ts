import { addFlags, byteSizeSchema, defineOptions, readEnvironment, readOptions } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";
import { terminalOptions } from "@neson/terminal/config";
import type { Command } from "commander";
import { openPanel } from "../terminal/panel-client.ts";
import { setQuota } from "../terminal/set-quota.ts";

const quotaOptions = defineOptions({ dataDir: terminalOptions.dataDir });

/** `neson terminal quota SIZE`: more or less disk space, while the Terminal runs. */
export function addTerminalQuota(terminal: Command): void {
  const command = terminal
    .command("quota")
    .description("change how much disk space the running Terminal lends")
    .argument("<size>", 'disk space for objects, such as "500GB"');
  addFlags(command, quotaOptions).action(async (text: string, flags: Record<string, unknown>) => {
    const { dataDir } = readOptions(quotaOptions, { flags, env: readEnvironment() });
    const parsed = byteSizeSchema.safeParse(text);
    if (!parsed.success) {
      const message = `quota: found ${JSON.stringify(text)}, allowed: ${byteSizeSchema.description}`;
      throw new NesonError("bad-quota", message, { fault: "operator" });
    }
    const panel = await openPanel(dataDir, fetch);
    const lines = await setQuota(panel, { dataDir, quotaBytes: parsed.data, text });
    process.stdout.write(`${lines.join("\n")}\n`);
  });
}
