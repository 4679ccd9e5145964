import { cpus, freemem } from "node:os";
import type { Clock } from "@neson/kit/clock";

/** How busy the machine is. */
export interface LoadSample {
  egressBytesPerSecond: number;
  cpuLoad: number;
  freeMemoryBytes: number;
}

/** Heartbeats come each second, and so do the panel's looks: neither takes the other's sample away. */
const SAMPLE_MS = 900;

/** How busy the machine and its link are. */
export class Load {
  readonly #clock: Clock;
  #sentBytes = 0;
  #sampledAtMs: number;
  #ticks = cpuTicks();
  #last = { egressBytesPerSecond: 0, cpuLoad: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sampledAtMs = clock.nowMs();
  }

  /** Counts body bytes on their way to clients. */
  readonly noteSent = (bytes: number): void => {
    this.#sentBytes += bytes;
  };

  /** Over the last second or so: body bytes a second, and the share of all cores in use (0 to 1). However many ask, it is sampled once. */
  read(): LoadSample {
    const nowMs = this.#clock.nowMs();
    const elapsedMs = nowMs - this.#sampledAtMs;
    if (elapsedMs >= 0 && elapsedMs < SAMPLE_MS) return { ...this.#last, freeMemoryBytes: freemem() };
    const seconds = Math.max(0.001, elapsedMs / 1000);
    const ticks = cpuTicks();
    const allTicks = ticks.all - this.#ticks.all;
    const cpuLoad = allTicks <= 0 ? 0 : (ticks.busy - this.#ticks.busy) / allTicks;
    const egressBytesPerSecond = this.#sentBytes / seconds;
    this.#sentBytes = 0;
    this.#sampledAtMs = nowMs;
    this.#ticks = ticks;
    this.#last = { egressBytesPerSecond, cpuLoad: Math.min(1, Math.max(0, cpuLoad)) };
    return { ...this.#last, freeMemoryBytes: freemem() };
  }
}

function cpuTicks(): { busy: number; all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const total = times.user + times.nice + times.sys + times.idle + times.irq;
    all += total;
    busy += total - times.idle;
  }
  return { busy, all };
}
