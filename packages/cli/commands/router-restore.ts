import { systemClock } from "@neson/kit/clock";
import { addFlags, defineOptions, option, readEnvironment, readOptions, switchSchema } from "@neson/kit/config";
import { silentLog } from "@neson/kit/log";
import { restoreBackup } from "@neson/router/backup/restore-backup";
import { routerOptions } from "@neson/router/config";
import type { Command } from "commander";

const restoreOptions = defineOptions({
  dataDir: routerOptions.dataDir,
  databaseUrl: routerOptions.databaseUrl,
  isReplacing: option({
    schema: switchSchema,
    flag: "--replace",
    doc: "give up what the database and the data directory hold now",
    default: false,
    isSwitch: true,
  }),
});

/** `neson router restore FILE`: puts a backup in the place of a stopped Router's state. */
export function addRouterRestore(router: Command): void {
  const command = router
    .command("restore <file>")
    .description("put a backup in the place of a stopped Router's database and keys");
  addFlags(command, restoreOptions).action(async (file: string, flags: Record<string, unknown>) => {
    const values = readOptions(restoreOptions, { flags, env: readEnvironment() });
    const { createdAt, rows } = await restoreBackup(values, file, { clock: systemClock, log: silentLog });
    process.stdout.write(`restored ${rows} rows as they were on ${createdAt}\n`);
  });
}
