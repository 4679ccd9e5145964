import { systemClock } from "@neson/kit/clock";
import { addFlags, defineOptions, readEnvironment, readOptions } from "@neson/kit/config";
import { silentLog } from "@neson/kit/log";
import { createBackup } from "@neson/router/backup/create-backup";
import { routerOptions } from "@neson/router/config";
import type { Command } from "commander";

const backupOptions = defineOptions({
  dataDir: routerOptions.dataDir,
  databaseUrl: routerOptions.databaseUrl,
  keysDir: routerOptions.keysDir,
});

/** `neson router backup FILE`: everything that must not be lost, of a running Router or a stopped one. */
export function addRouterBackup(router: Command): void {
  const command = router
    .command("backup <file>")
    .description("write database and secret keys into one new file; the Router may be running");
  addFlags(command, backupOptions).action(async (file: string, flags: Record<string, unknown>) => {
    const place = readOptions(backupOptions, { flags, env: readEnvironment() });
    const deps = { clock: systemClock, log: silentLog };
    const { rows, bytes, sha256 } = await createBackup(place, file, deps);
    process.stdout.write(`${file}: ${rows} rows, ${bytes} bytes, contents sha256 ${sha256}\n`);
    process.stdout.write("it holds the network's secret keys: whoever reads it can speak for your Router\n");
  });
}
