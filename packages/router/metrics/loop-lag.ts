import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 20;

/** Measures how long the event loop was held up; reading it starts a new measurement. */
export function watchLoopLag(): Disposable & { takeSeconds(): number } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    takeSeconds: () => {
      const longestNs = histogram.max;
      histogram.reset();
      // The measure includes its own interval.
      return Math.max(0, longestNs / 1e9 - RESOLUTION_MS / 1000);
    },
    [Symbol.dispose]: () => histogram.disable(),
  };
}
