import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeError } from "@neson/kit/error";
import { type Finding, fail, ok, warn } from "./finding.ts";

const NAME = "data directory";
const OTHERS = 0o077;

/** Whether the data directory is there, belongs to this user, can be written by them and read by nobody else. */
export async function checkDataDirectory(dataDir: string): Promise<Finding> {
  const stats = await stat(dataDir).catch((error: NodeJS.ErrnoException) => error);
  if (stats instanceof Error) {
    if (stats.code === "ENOENT") return checkFutureDirectory(dataDir);
    return fail(NAME, `${dataDir} cannot be read (${describeError(stats)})`, "Name another directory with --data.");
  }
  if (!stats.isDirectory()) return fail(NAME, `${dataDir} is no directory`, "Name another one with --data.");
  const uid = process.getuid?.();
  if (uid !== undefined && stats.uid !== uid) {
    const text = `${dataDir} belongs to user ${stats.uid}, this is user ${uid}`;
    return fail(NAME, text, `Run this command, and the Terminal, as its owner; or: sudo chown -R ${uid} "${dataDir}"`);
  }
  if (!(await isWritable(dataDir))) {
    return fail(NAME, `${dataDir} cannot be written`, `Give its owner the right to: chmod u+rwx "${dataDir}"`);
  }
  return (await exposed(dataDir, stats.mode)) ?? ok(NAME, dataDir);
}

/** Where it does not exist yet, the nearest directory above must let it be made. */
async function checkFutureDirectory(dataDir: string): Promise<Finding> {
  for (let above = dirname(dataDir); ; above = dirname(above)) {
    const stats = await stat(above).catch(() => undefined);
    if (stats === undefined && above !== dirname(above)) continue;
    if (stats?.isDirectory() === true && (await isWritable(above))) {
      return ok(NAME, `${dataDir} is not there yet; the first start makes it`);
    }
    const remedy = `Make it: sudo install -d -m 700 -o "$USER" "${dataDir}"; or name another with --data.`;
    return fail(NAME, `${dataDir} cannot be made in ${above}`, remedy);
  }
}

async function exposed(dataDir: string, mode: number): Promise<Finding | undefined> {
  // Windows has no such bits.
  if (process.platform === "win32") return undefined;
  const keyPath = join(dataDir, "identity.key");
  const keyMode = (await stat(keyPath).catch(() => undefined))?.mode ?? 0;
  if ((keyMode & OTHERS) !== 0) {
    const text = `the Terminal's key can be read by other users (mode ${octal(keyMode)}); whoever has it is this Terminal`;
    return fail(NAME, text, `chmod 600 "${keyPath}"`);
  }
  if ((mode & OTHERS) === 0) return undefined;
  const text = `${dataDir} can be read by other users (mode ${octal(mode)})`;
  return warn(NAME, text, `chmod 700 "${dataDir}"`);
}

function isWritable(directory: string): Promise<boolean> {
  return access(directory, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
