import { createHash } from "node:crypto";
import { type Stats, statSync } from "node:fs";

/** What a build's file must be. */
export interface ExpectedFile {
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** Size and modification time: while they stay, a file counts as the one that was read. Undefined when it is no file. */
export function stampOf(path: string): string | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
  return stats?.isFile() ? `${stats.size} ${stats.mtimeMs} ${stats.ino}` : undefined;
}

/** Reads a file once and gives what is wrong with it, for people, or undefined. Memory stays small whatever its size. */
export async function problemOf(path: string, name: string, expected: ExpectedFile): Promise<string | undefined> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return `${name}: found no such file`;
  if (stats.size !== expected.bytes) return `${name}: found ${stats.size} bytes, allowed: ${expected.bytes}`;
  const hash = createHash("sha256");
  for await (const block of Bun.file(path).stream()) hash.update(block);
  const sha256 = hash.digest("hex");
  return sha256 === expected.sha256 ? undefined : `${name}: found SHA-256 ${sha256}, allowed: ${expected.sha256}`;
}
