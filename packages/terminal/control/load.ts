import { cpus, freemem, totalmem } from "node:os";
import type { Clock } from "@neson/kit/clock";

/** What the machine is, for `hello`. */
export function hardware(diskBytes: number) {
  const cores = cpus();
  return {
    platform: `${process.platform}-${process.arch}`.slice(0, 64),
    cpuModel: (cores[0]?.model ?? "unknown").trim().slice(0, 128),
    cpuCores: cores.length,
    memoryBytes: totalmem(),
    diskBytes,
  };
}

/** How busy the machine and its link are, sampled at each heartbeat. */
export class Load {
  readonly #clock: Clock;
  #sentBytes = 0;
  #sampledAtMs: number;
  #ticks = cpuTicks();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sampledAtMs = clock.nowMs();
  }

  /** Counts body bytes on their way to clients. */
  readonly noteSent = (bytes: number): void => {
    this.#sentBytes += bytes;
  };

  /** Since the last sample: body bytes a second, and the share of all cores in use (0 to 1). */
  sample(): { egressBytesPerSecond: number; cpuLoad: number; freeMemoryBytes: number } {
    const nowMs = this.#clock.nowMs();
    const seconds = Math.max(0.001, (nowMs - this.#sampledAtMs) / 1000);
    const ticks = cpuTicks();
    const allTicks = ticks.all - this.#ticks.all;
    const cpuLoad = allTicks <= 0 ? 0 : (ticks.busy - this.#ticks.busy) / allTicks;
    const egressBytesPerSecond = this.#sentBytes / seconds;
    this.#sentBytes = 0;
    this.#sampledAtMs = nowMs;
    this.#ticks = ticks;
    return { egressBytesPerSecond, cpuLoad: Math.min(1, Math.max(0, cpuLoad)), freeMemoryBytes: freemem() };
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
