import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { SpeedOutcome } from "@neson/terminal/hardware/speed-test";
import { type Finding, fail, skipped } from "./finding.ts";
import { type Connection, checkLink, checkReachable } from "./reach.ts";

const JOIN_WITHIN_MS = 25_000;
const LOOK_MS = 50;

/** The Terminal of a trial; `startTerminal` gives one. */
export interface TrialTerminal extends AsyncDisposable {
  ready: { url: string };
  connection(): Connection;
  measureLink(): Promise<SpeedOutcome>;
}

/**
 * Starts the real Terminal for as long as it takes the Router to let it in or not (25 s at most), measures the link, and stops it in order. The
 * Router's dial-back is the one true test of reachability.
 */
export async function checkByTrial(start: () => Promise<TrialTerminal>, clock: Clock): Promise<Finding[]> {
  let terminal: TrialTerminal;
  try {
    terminal = await start();
  } catch (error) {
    const remedy = "Mend what it says; neson terminal run says the same.";
    return [fail("reachability", `the Terminal does not start: ${describeError(error)}`, remedy), noLink()];
  }
  await using running = terminal;
  const giveUpAtMs = clock.nowMs() + JOIN_WITHIN_MS;
  while (!isDecided(running.connection()) && clock.nowMs() < giveUpAtMs) await clock.sleep(LOOK_MS);
  const connection = running.connection();
  const reachable = checkReachable(running.ready.url, connection);
  return [reachable, connection.isConnected ? checkLink(await running.measureLink()) : noLink()];
}

/** What a trial would tell, when it makes no sense to try. */
export function noTrial(reason: string): Finding[] {
  return [skipped("reachability", reason), skipped("link speed", reason)];
}

function isDecided({ isConnected, lastRefusal }: Connection): boolean {
  return isConnected || lastRefusal !== undefined;
}

function noLink(): Finding {
  return skipped("link speed", "measured once the Router lets this Terminal in");
}
