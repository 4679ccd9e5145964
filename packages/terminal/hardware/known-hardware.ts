import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Hardware } from "@neson/protocol/hardware";
import { z } from "zod";
import type { TerminalConfig } from "../config.ts";
import type { Settings } from "../store/settings.ts";
import { detectHardware } from "./detect.ts";
import { type DiskSpeed, measureDisk } from "./disk-speed.ts";

/** A disk grows no faster: what was measured holds for so long. */
const MEASURED_FOR_MS = 30 * 86_400_000;

/** Name of the setting that the last measurement is kept in. */
export const DISK_SPEED_SETTING = "disk-speed";

const speedSchema = z.object({ readBytesPerSecond: z.number(), writeBytesPerSecond: z.number(), atMs: z.number() });

/** What knowing the hardware needs. */
export interface KnownHardwareDeps {
  settings: Settings;
  clock: Clock;
  log: Log;
}

/** What this machine is, with the disk's speed as it was measured within the last thirty days, or now. A disk that cannot be measured stays without. */
export async function hardwareWithSpeed(
  { dataDir, isSmall }: Pick<TerminalConfig, "dataDir" | "isSmall">,
  deps: KnownHardwareDeps,
): Promise<Hardware> {
  return withDiskSpeed(await detectHardware({ dataDir, isSmall }), await diskSpeed(dataDir, deps));
}

/** Hardware with what was measured of its disk; as it is when nothing was. */
export function withDiskSpeed(hardware: Hardware, speed: DiskSpeed | undefined): Hardware {
  if (speed === undefined) return hardware;
  const { readBytesPerSecond, writeBytesPerSecond } = speed;
  return { ...hardware, disk: { ...hardware.disk, readBytesPerSecond, writeBytesPerSecond } };
}

async function diskSpeed(dataDir: string, { settings, clock, log }: KnownHardwareDeps): Promise<DiskSpeed | undefined> {
  const known = knownDiskSpeed(settings.get(DISK_SPEED_SETTING), clock.nowMs());
  if (known !== undefined) return known;
  try {
    const speed = await measureDisk(dataDir);
    settings.set(DISK_SPEED_SETTING, JSON.stringify({ ...speed, atMs: clock.nowMs() }));
    return speed;
  } catch (error) {
    log.warn(`the disk's speed could not be measured: ${describeError(error)}`);
    return undefined;
  }
}

/** The disk's speed from the text of its setting; undefined when there is none, it is damaged, or it was measured too long ago. */
export function knownDiskSpeed(json: string | undefined, nowMs: number): DiskSpeed | undefined {
  try {
    const { atMs, ...speed } = speedSchema.parse(JSON.parse(json ?? ""));
    const ageMs = nowMs - atMs;
    return ageMs >= 0 && ageMs < MEASURED_FOR_MS ? speed : undefined;
  } catch {
    return undefined;
  }
}
