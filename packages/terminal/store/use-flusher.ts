import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { ObjectStore } from "./object-store.ts";

const FLUSH_MS = 10_000;

/** Writes to the index every ten seconds, and at the end, how often objects were asked for. */
export function flushUseRegularly(store: ObjectStore, log: Log): Disposable {
  const flush = () => {
    try {
      store.flushUse();
    } catch (error) {
      log.error({ err: error }, `writing use counts failed, trying again: ${describeError(error)}`);
    }
  };
  const timer = setInterval(flush, FLUSH_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      flush();
    },
  };
}
