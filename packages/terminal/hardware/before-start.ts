import type { Clock } from "@neson/kit/clock";
import { lockDirectory } from "@neson/kit/files";
import type { Log } from "@neson/kit/log";
import type { Hardware } from "@neson/protocol/hardware";
import { openIndex } from "../store/index-database.ts";
import { openLayout } from "../store/layout.ts";
import { Settings } from "../store/settings.ts";
import { hardwareWithSpeed } from "./known-hardware.ts";

/**
 * What a Terminal that is started next on that data directory will tell its Router, to be shown to its operator first: the disk is measured now,
 * and the start takes over the figure.
 *
 * @param options.dataDir made when it is not there
 * @throws NesonError `data-directory-in-use`, `data-directory-unusable`, or an index that cannot be used (operator)
 */
export async function hardwareBeforeStart(
  options: { dataDir: string; isSmall: boolean },
  { clock, log }: { clock: Clock; log: Log },
): Promise<Hardware> {
  await using _lock = lockDirectory(options.dataDir);
  const index = openIndex(openLayout(options.dataDir).indexPath, { clock, log });
  try {
    return await hardwareWithSpeed(options, { settings: new Settings(index), clock, log });
  } finally {
    index.close();
  }
}
