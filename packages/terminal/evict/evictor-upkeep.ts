import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { ObjectStore } from "../store/object-store.ts";
import type { Evictor } from "./evictor.ts";

const LOOK_MS = 1000;
/** Objects whose counts and ranks are written at once: some 10 ms, in which viewers wait. The others come at the next look. */
const FLUSH_OBJECTS = 500;

/** What upkeep works on. */
export interface UpkeepDeps {
  store: ObjectStore;
  evictor: Evictor;
  log: Log;
}

/**
 * Looks after the disk and the quota each second, whether a Router is there or not, and writes to the index, a few at a time and at the
 * end the rest, how objects were asked for and rank.
 */
export function keepUp({ store, evictor, log }: UpkeepDeps): Disposable {
  // Told once each: a disk that takes no writes would fill the log with them.
  const failing = new Set<string>();
  const attempt = (what: string, act: () => void) => {
    try {
      act();
      failing.delete(what);
    } catch (error) {
      if (!failing.has(what)) log.error({ err: error }, `${what} failed, trying again: ${describeError(error)}`);
      failing.add(what);
      store.disk.noteFailure();
    }
  };
  const look = (limit: number) => {
    store.disk.look();
    attempt("evicting", () => evictor.look());
    attempt("writing use counts", () => store.flushUse(limit));
    attempt("writing ranks", () => evictor.flush(limit));
  };
  const timer = setInterval(() => look(FLUSH_OBJECTS), LOOK_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      evictor[Symbol.dispose]();
      look(Number.POSITIVE_INFINITY);
    },
  };
}
