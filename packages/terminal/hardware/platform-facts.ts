import type { Hardware } from "@neson/protocol/hardware";

/** What only the platform's own means can tell; undefined for what they do not. */
export interface PlatformFacts {
  diskKind: Hardware["disk"]["kind"];
  linkBitsPerSecond: number | undefined;
  /** Cores that the process is held to. */
  coreLimit: number | undefined;
  /** Memory that the process is held to. */
  memoryLimitBytes: number | undefined;
}

/** When nothing could be found out. */
export const NO_FACTS: PlatformFacts = {
  diskKind: "unknown",
  linkBitsPerSecond: undefined,
  coreLimit: undefined,
  memoryLimitBytes: undefined,
};

/** What a program printed, or undefined when it failed or took too long. */
export type RunProgram = (command: string[]) => Promise<string | undefined>;

const PROGRAM_MS = 15_000;
const MAX_OUTPUT_CHARS = 1_000_000;

/** Runs a program of the platform with bounds on its time and output. */
export const runProgram: RunProgram = async (command) => {
  try {
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: PROGRAM_MS });
    const output = await child.stdout.text();
    return (await child.exited) === 0 && output.length <= MAX_OUTPUT_CHARS ? output : undefined;
  } catch {
    return undefined; // the program is not there
  }
};
