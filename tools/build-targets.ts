import type { Release } from "@neson/protocol/release";

/** Name of a build, "linux-x64". */
export type Platform = keyof Release["binaries"];

/** How one platform's program is made. */
export interface Target {
  platform: Platform;
  /** Name in dist/, and in every release. */
  file: string;
  /** What `bun build --target` calls it. */
  bunTarget: string;
  /** npm package of the Bun runtime that becomes part of the program; package-lock.json fixes its version and checksum. */
  runtimePackage: string;
  /** The runtime inside that package. */
  runtimeFile: string;
  /** What the result must be, as `executableKind` says it. */
  kind: string;
}

/** Every platform that `npm run build` builds for. */
export const TARGETS: readonly Target[] = [
  {
    platform: "linux-x64",
    file: "neson-linux-x64",
    bunTarget: "bun-linux-x64",
    runtimePackage: "@oven/bun-linux-x64",
    runtimeFile: "bin/bun",
    kind: "ELF x86-64",
  },
  {
    platform: "linux-arm64",
    file: "neson-linux-arm64",
    bunTarget: "bun-linux-arm64",
    runtimePackage: "@oven/bun-linux-aarch64",
    runtimeFile: "bin/bun",
    kind: "ELF AArch64",
  },
  {
    platform: "windows-x64",
    file: "neson-windows-x64.exe",
    bunTarget: "bun-windows-x64",
    runtimePackage: "@oven/bun-windows-x64",
    runtimeFile: "bin/bun.exe",
    kind: "PE x86-64",
  },
  {
    platform: "darwin-arm64",
    file: "neson-darwin-arm64",
    bunTarget: "bun-darwin-arm64",
    runtimePackage: "@oven/bun-darwin-aarch64",
    runtimeFile: "bin/bun",
    kind: "Mach-O arm64, signed",
  },
];
