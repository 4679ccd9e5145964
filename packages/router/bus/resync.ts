import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { backoffMs } from "@neson/kit/retry";
import type { BusHandlers } from "./bus.ts";
import type { Notice } from "./message.ts";

const RETRY = { baseMs: 200, maxMs: 5000 } as const;

/** What delivering needs. */
export interface DeliveryDeps {
  clock: Clock;
  log: Log;
  random: () => number;
}

/** Has everything read again, until that works or the signal aborts. */
export async function resync(
  handlers: BusHandlers,
  why: string,
  signal: AbortSignal,
  deps: DeliveryDeps,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await handlers.resync(why);
    } catch (error) {
      deps.log.error({ err: error }, `reading everything again (${why}) failed: ${describeError(error)}`);
      const pauseMs = backoffMs(attempt, { ...RETRY, random: deps.random });
      await deps.clock.sleep(pauseMs, signal).catch(() => {});
    }
  }
}

/** Hands a notice over; what cannot be acted on is made good by a resync, so that the next one may follow. */
export async function deliver(
  handlers: BusHandlers,
  notice: Notice,
  from: string,
  signal: AbortSignal,
  deps: DeliveryDeps,
): Promise<void> {
  if (notice.type === "resync")
    return await resync(handlers, "another Router could not tell all it had to", signal, deps);
  try {
    await handlers.notice(notice, from);
  } catch (error) {
    deps.log.error({ err: error, notice: notice.type, from }, `acting on a notice failed: ${describeError(error)}`);
    await resync(handlers, `a notice (${notice.type}) could not be acted on`, signal, deps);
  }
}
