import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { IDENTITY_KEY_FILE, MASTER_KEY_FILE, SECRET_BYTES } from "../parts/key-names.ts";

/** Secrets of a Router's data directory, by file name. */
export type KeyFiles = ReadonlyMap<string, Uint8Array>;

/** Every Router has these. */
export const KEY_NAMES: readonly string[] = [MASTER_KEY_FILE, IDENTITY_KEY_FILE];

/** Those that are there. */
export async function readKeys(dataDir: string): Promise<KeyFiles> {
  const keys = new Map<string, Uint8Array>();
  for (const name of KEY_NAMES) {
    const bytes = await readFile(join(dataDir, name)).catch((error: { code?: unknown }) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (bytes !== undefined) keys.set(name, new Uint8Array(bytes));
  }
  return keys;
}

/** @throws NesonError `backup-damaged` (operator) unless these are all the secrets that a Router has */
export function checkKeys(keys: KeyFiles, where: string): void {
  const bad = KEY_NAMES.filter((name) => keys.get(name)?.length !== SECRET_BYTES);
  const unknown = [...keys.keys()].filter((name) => !KEY_NAMES.includes(name));
  if (bad.length === 0 && unknown.length === 0) return;
  const message = `reading ${where}: found the keys ${[...keys.keys()].join(", ") || "none"}; allowed: ${KEY_NAMES.join(", ")} of ${SECRET_BYTES} bytes each`;
  throw new NesonError("backup-damaged", message, { fault: "operator" });
}

/** Puts secrets beside their places, then, by `place`, into them. Readable by their owner alone. */
export async function stageKeys(dataDir: string, keys: KeyFiles): Promise<{ place: () => Promise<void> }> {
  for (const [name, bytes] of keys) {
    const path = stagedPath(dataDir, name);
    await rm(path, { force: true });
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  return {
    place: async () => {
      for (const name of keys.keys()) await rename(stagedPath(dataDir, name), join(dataDir, name));
    },
  };
}

/** Removes what `stageKeys` left of a restore that did not get further. */
export async function unstageKeys(dataDir: string): Promise<void> {
  for (const name of KEY_NAMES) await rm(stagedPath(dataDir, name), { force: true });
}

/** Whether there is such a file. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function stagedPath(dataDir: string, name: string): string {
  return join(dataDir, `${name}.restoring`);
}
