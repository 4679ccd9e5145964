import type { Database } from "bun:sqlite";
import { addTo, isNothing, noCounts, OUTCOMES, type Outcome, type OutcomeCounts } from "./outcomes.ts";

/** Days that are kept, today included. */
export const KEPT_DAYS = 90;
const DAY_MS = 86_400_000;

/** What was served on one UTC day, as "2026-11-22". */
export interface DayTraffic extends OutcomeCounts {
  day: string;
}

interface DayRow {
  day: string;
  outcome: string;
  answers: number;
  bytes: number;
}

const TABLE = `CREATE TABLE IF NOT EXISTS traffic_days (
  day TEXT NOT NULL, outcome TEXT NOT NULL, answers INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (day, outcome)
) WITHOUT ROWID`;
const ADD = `INSERT INTO traffic_days VALUES (?, ?, ?, ?)
  ON CONFLICT (day, outcome) DO UPDATE SET answers = answers + excluded.answers, bytes = bytes + excluded.bytes`;

/** Traffic by UTC day: all of it in memory, and in a table of its own in the index, so that it outlives the process. */
export class TrafficDays {
  readonly #database: Database;
  readonly #days = new Map<string, OutcomeCounts>();
  #isLoaded = false;
  /** Not in the table yet. */
  readonly #unsaved = new Map<string, OutcomeCounts>();

  /** A disk that takes no writes at the start is no reason not to serve: what is in the table is then added later. */
  constructor(database: Database, nowMs: number) {
    this.#database = database;
    try {
      this.#load(nowMs);
    } catch {
      // Tried again by `save`, which tells.
    }
  }

  /** Counts `more` for the day that `nowMs` lies in. */
  add(more: OutcomeCounts, nowMs: number): void {
    if (isNothing(more)) return;
    const day = dayOf(nowMs);
    addTo(entryOf(this.#days, day), more);
    addTo(entryOf(this.#unsaved, day), more);
  }

  /** Oldest first; days on which nothing happened are left out. */
  list(nowMs: number): DayTraffic[] {
    const oldest = oldestDay(nowMs);
    const kept = [...this.#days].filter(([day]) => day >= oldest);
    return kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, { answers, bytes }]) => ({ day, answers, bytes }));
  }

  /**
   * Writes what was added since the last time, and drops what is too old.
   *
   * @throws Error when the index cannot be written; nothing is lost then, the next call writes it
   */
  save(nowMs: number): void {
    if (!this.#isLoaded) this.#load(nowMs);
    if (this.#unsaved.size === 0) return;
    const query = this.#database.query(ADD);
    this.#database.transaction(() => {
      for (const [day, { answers, bytes }] of this.#unsaved) {
        for (const outcome of OUTCOMES) {
          if (answers[outcome] > 0 || bytes[outcome] > 0) query.run(day, outcome, answers[outcome], bytes[outcome]);
        }
      }
      this.#forgetBefore(oldestDay(nowMs));
    })();
    this.#unsaved.clear();
  }

  #load(nowMs: number): void {
    this.#database.run(TABLE);
    this.#forgetBefore(oldestDay(nowMs));
    const query = this.#database.query<DayRow, []>("SELECT day, outcome, answers, bytes FROM traffic_days");
    for (const { day, outcome, answers, bytes } of query.all()) {
      if (!isOutcome(outcome)) continue;
      const counts = entryOf(this.#days, day);
      counts.answers[outcome] += answers;
      counts.bytes[outcome] += bytes;
    }
    this.#isLoaded = true;
  }

  #forgetBefore(day: string): void {
    this.#database.query("DELETE FROM traffic_days WHERE day < ?").run(day);
    for (const known of this.#days.keys()) if (known < day) this.#days.delete(known);
  }
}

function entryOf(days: Map<string, OutcomeCounts>, day: string): OutcomeCounts {
  const known = days.get(day);
  if (known !== undefined) return known;
  const fresh = noCounts();
  days.set(day, fresh);
  return fresh;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function oldestDay(nowMs: number): string {
  return dayOf(nowMs - (KEPT_DAYS - 1) * DAY_MS);
}

function isOutcome(text: string): text is Outcome {
  return (OUTCOMES as readonly string[]).includes(text);
}
