import type { Database } from "bun:sqlite";
import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import { copyOf, difference, noCounts, type Outcome, type OutcomeCounts } from "./outcomes.ts";
import { type DayTraffic, TrafficDays } from "./traffic-days.ts";
import { type RecentSeconds, TrafficRing } from "./traffic-ring.ts";

const TICK_MS = 1000;
/** A crash loses at most that many seconds of these statistics; claims have their own, stricter book. */
const SAVE_TICKS = 10;

/** What a reader of the traffic statistics sees. */
export interface TrafficReading {
  /** Since the process started. */
  totals(): OutcomeCounts;
  /** The last ten minutes, oldest first. */
  recent(): RecentSeconds;
  /** Up to 90 UTC days, oldest first. */
  days(): DayTraffic[];
}

/** What traffic statistics are kept with. */
export interface TrafficDeps {
  /** The index; a table of its own is made in it. */
  database: Database;
  clock: Clock;
  log: Log;
}

/**
 * Counts what is served. Counting is a few additions; once a second what was counted moves on into the ring and the day. Disposing
 * saves and ends it, before the index is closed.
 */
export class Traffic implements TrafficReading, Disposable {
  readonly #deps: TrafficDeps;
  readonly #counts = noCounts();
  readonly #ring = new TrafficRing();
  readonly #days: TrafficDays;
  readonly #stopping = new AbortController();
  #taken = noCounts();
  #takenSecond: number;
  #ticks = 0;
  #isSaving = true;

  constructor(deps: TrafficDeps) {
    this.#deps = deps;
    const nowMs = deps.clock.nowMs();
    this.#takenSecond = Math.floor(nowMs / 1000);
    this.#days = new TrafficDays(deps.database, nowMs);
    this.#run();
  }

  /** Counts an answer, with the body bytes it has sent so far. */
  readonly noteAnswer = (outcome: Outcome, bytes: number): void => {
    this.#counts.answers[outcome]++;
    this.#counts.bytes[outcome] += bytes;
  };

  /** Counts further body bytes of an answer that was counted before: a long transfer shows while it runs. */
  readonly noteBytes = (outcome: Outcome, bytes: number): void => {
    this.#counts.bytes[outcome] += bytes;
  };

  totals(): OutcomeCounts {
    return copyOf(this.#counts);
  }

  recent(): RecentSeconds {
    return this.#ring.read();
  }

  days(): DayTraffic[] {
    return this.#days.list(this.#deps.clock.nowMs());
  }

  [Symbol.dispose](): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#take();
    this.#save();
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => {});
      if (signal.aborted) return;
      this.#take();
      if (++this.#ticks % SAVE_TICKS === 0) this.#save();
    }
  }

  /** Moves what was counted since the last time into the ring and the day. */
  #take(): void {
    const nowMs = this.#deps.clock.nowMs();
    const second = Math.floor(nowMs / 1000);
    // A timer that comes a little early; what was counted is taken with the next second.
    if (second === this.#takenSecond && !this.#stopping.signal.aborted) return;
    const counted = difference(this.#counts, this.#taken);
    this.#taken = copyOf(this.#counts);
    // A clock set back makes no hole, a machine that slept does.
    this.#ring.skip(Math.max(0, second - this.#takenSecond - 1));
    this.#ring.push(counted);
    this.#takenSecond = second;
    this.#days.add(counted, nowMs);
  }

  #save(): void {
    const { clock, log } = this.#deps;
    try {
      this.#days.save(clock.nowMs());
      if (!this.#isSaving) log.info("traffic statistics are saved again");
      this.#isSaving = true;
    } catch (error) {
      if (this.#isSaving) log.warn({ err: error }, "traffic statistics cannot be saved; trying again");
      this.#isSaving = false;
    }
  }
}
