import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "@neson/kit/clock";
import type { Hardware } from "@neson/protocol/hardware";
import { detectHardware } from "@neson/terminal/hardware/detect";
import type { DiskSpeed } from "@neson/terminal/hardware/disk-speed";
import { DISK_SPEED_SETTING, knownDiskSpeed, withDiskSpeed } from "@neson/terminal/hardware/known-hardware";
import { readKeptSetting } from "./stopped-index.ts";

/** What looking at the hardware needs. */
export interface HardwareNowDeps {
  clock: Clock;
  measureDisk: (directory: string) => Promise<DiskSpeed>;
}

/**
 * What a Terminal on that data directory would tell its Router if it were started now. Its disk is measured where no figure is kept; nothing is
 * made for that, so a directory that is not there yet gives none.
 */
export async function hardwareNow(
  { dataDir, isSmall }: { dataDir: string; isSmall: boolean },
  { clock, measureDisk }: HardwareNowDeps,
): Promise<Hardware> {
  if (!existsSync(dataDir)) return detectHardware({ dataDir: existingAbove(dataDir), isSmall });
  const known = knownDiskSpeed(readKeptSetting(dataDir, DISK_SPEED_SETTING), clock.nowMs());
  // One that cannot be measured, as when it is read-only, stays without.
  const speed = known ?? (await measureDisk(dataDir).catch(() => undefined));
  return withDiskSpeed(await detectHardware({ dataDir, isSmall }), speed);
}

/** The disk of a directory that is not there yet is that of the nearest one above it. */
function existingAbove(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : existingAbove(dirname(path));
}
