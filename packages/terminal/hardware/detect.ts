import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Hardware } from "@neson/protocol/hardware";
import { detectLinux } from "./detect-linux.ts";
import { detectMacos } from "./macos.ts";
import { NO_FACTS, type PlatformFacts, runProgram } from "./platform-facts.ts";
import { detectWindows } from "./windows.ts";

/**
 * What this machine is, as far as the process may use it: limits of a control group count. What cannot be found out stays unknown, and nothing
 * here takes long; the disk's speed is measured by `measureDisk`.
 *
 * @param options.dataDir absolute; must exist
 * @throws Error of the file system when there is no such directory
 */
export async function detectHardware({ dataDir, isSmall }: { dataDir: string; isSmall: boolean }): Promise<Hardware> {
  const facts = await platformFacts(dataDir);
  const { blocks, bavail, bsize } = await statfs(dataDir);
  // Fewer than the machine has when the process is tied to some of them.
  const cores = availableParallelism();
  const link = facts.linkBitsPerSecond;
  return {
    platform: `${process.platform}-${process.arch}`.slice(0, 64),
    cpuModel: (cpus()[0]?.model ?? "unknown").trim().slice(0, 128),
    cpuCores: Math.min(cores, facts.coreLimit ?? cores),
    memoryBytes: Math.min(totalmem(), facts.memoryLimitBytes ?? totalmem()),
    disk: { kind: facts.diskKind, totalBytes: blocks * bsize, freeBytes: bavail * bsize },
    ...(link === undefined ? {} : { linkBitsPerSecond: link }),
    isSmall,
  };
}

function platformFacts(dataDir: string): Promise<PlatformFacts> {
  switch (process.platform) {
    case "linux":
      return detectLinux(dataDir);
    case "darwin":
      return detectMacos(dataDir, runProgram);
    case "win32":
      return detectWindows(dataDir, runProgram);
    default:
      return Promise.resolve(NO_FACTS);
  }
}
