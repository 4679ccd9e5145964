import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { countUnsettledClaims } from "./stopped-index.ts";

const LOOK_MS = 100;
/** From the panel's last word to the end of the process: the last claims are written meanwhile. */
const END_WITHIN_MS = 15_000;

/** Waits for a Terminal that has left to let go of its data directory, and says what it could not settle. */
export async function endedText(dataDir: string, clock: Clock): Promise<string> {
  const giveUpAtMs = clock.nowMs() + END_WITHIN_MS;
  while (existsSync(join(dataDir, "lock.pid"))) {
    if (clock.nowMs() > giveUpAtMs) return "it has left; its process is still ending";
    await clock.sleep(LOOK_MS);
  }
  const count = countUnsettledClaims(dataDir);
  if (count === 0) return "it has left and ended";
  const claims = count === 1 ? "1 claim is" : `${count} claims are`;
  return `it has left and ended; ${claims} not settled: start it again within a day to hand that in`;
}
