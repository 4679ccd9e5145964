import { PLATFORMS } from "@neson/protocol/release";
import packageJson from "../package.json";

/** Name of a build, "linux-x64". */
export type Platform = (typeof PLATFORMS)[number];

/** The program that runs now. */
export interface OwnProgram {
  /** The file that an update replaces. */
  path: string;
  version: string;
  /** False when it runs from source, where there is nothing to replace. */
  isBuilt: boolean;
  /** Undefined where no build exists for this machine. */
  platform: Platform | undefined;
}

/** This process's own program. */
export function ownProgram(): OwnProgram {
  return {
    path: process.execPath,
    version: packageJson.version,
    isBuilt: Bun.isStandaloneExecutable,
    platform: platformOf(process.platform, process.arch),
  };
}

/** The build for an operating system and processor as Node names them. */
export function platformOf(system: string, arch: string): Platform | undefined {
  const name = `${system === "win32" ? "windows" : system}-${arch}`;
  return PLATFORMS.find((platform) => platform === name);
}
