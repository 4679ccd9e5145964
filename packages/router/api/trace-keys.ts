import type { Clock } from "@neson/kit/clock";
import { idOfKey } from "./api-key.ts";
import type { ApiKeys } from "./api-keys.ts";
import { maySee, mayUse } from "./caller.ts";

/** Look-ups in a second, whoever asks: viewers who send keys that open nothing cannot keep the database busy. */
const MAX_A_SECOND = 100;

/** Whether a key lets its holder see how requests of a site are decided. Never rejects. */
export type MayTrace = (key: string, site: string) => Promise<boolean>;

/** Judges the keys that viewers send along: those with `logs:read` for the site. */
export function createMayTrace({ keys, clock }: { keys: Pick<ApiKeys, "callerOf">; clock: Clock }): MayTrace {
  let second = 0;
  let asked = 0;
  return async (key, site) => {
    if (idOfKey(key) === undefined) return false;
    const now = Math.floor(clock.nowMs() / 1000);
    if (now !== second) [second, asked] = [now, 0];
    asked += 1;
    if (asked > MAX_A_SECOND) return false;
    try {
      const caller = await keys.callerOf(key);
      return caller !== undefined && mayUse(caller, "logs:read") && maySee(caller, site);
    } catch {
      // The database is away: the answer itself may not need it.
      return false;
    }
  };
}
