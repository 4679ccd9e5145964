import type { AccessRecord } from "./access-record.ts";

/** Records that wait for a slow reader; what comes beyond them is counted, not kept. */
const MAX_WAITING = 1000;
/** A silent stream says so often that it is alive. */
const HEARTBEAT_MS = 15_000;

/** Which records a reader wants; everything that is given must match. */
export interface LogFilter {
  site: string;
  /** A status such as 404, or a class such as "5xx". */
  status?: string;
  outcome?: AccessRecord["outcome"];
  /** Beginning of the target. */
  pathPrefix?: string;
  country?: string;
  method?: string;
}

/** One line of a live log. `dropped` says how many records the reader was too slow for. */
export type LogLine =
  | { type: "request"; request: AccessRecord }
  | { type: "dropped"; count: number }
  | { type: "heartbeat" };

interface Reader {
  filter: LogFilter;
  waiting: AccessRecord[];
  dropped: number;
  wake: () => void;
}

/** Requests as they end, for whoever watches. Costs nothing while nobody does. */
export class LiveLog {
  readonly #maxReaders: number;
  readonly #readers = new Set<Reader>();

  constructor(options: { maxReaders: number }) {
    this.#maxReaders = options.maxReaders;
  }

  /** Whether anyone watches this site. */
  isWatched(site: string): boolean {
    for (const { filter } of this.#readers) if (filter.site === site) return true;
    return false;
  }

  /** Hands a record to those who want it. */
  add(record: AccessRecord): void {
    for (const reader of this.#readers) {
      if (!matches(record, reader.filter)) continue;
      if (reader.waiting.length >= MAX_WAITING) reader.dropped += 1;
      else reader.waiting.push(record);
      reader.wake();
    }
  }

  /** How many read now. */
  get readers(): number {
    return this.#readers.size;
  }

  /** True when one more reader would be one too many. */
  get isFull(): boolean {
    return this.#readers.size >= this.#maxReaders;
  }

  /** Lines until `signal` aborts. The reader counts from this call on, so read at once. */
  async *read(filter: LogFilter, signal: AbortSignal): AsyncGenerator<LogLine> {
    const reader: Reader = { filter, waiting: [], dropped: 0, wake: () => {} };
    this.#readers.add(reader);
    const wakeUp = () => reader.wake();
    signal.addEventListener("abort", wakeUp, { once: true });
    try {
      while (!signal.aborted) {
        const { waiting, dropped } = reader;
        reader.waiting = [];
        reader.dropped = 0;
        for (const request of waiting) yield { type: "request", request };
        if (dropped > 0) yield { type: "dropped", count: dropped };
        if (reader.waiting.length === 0 && !signal.aborted && !(await wokenUp(reader))) yield { type: "heartbeat" };
      }
    } finally {
      signal.removeEventListener("abort", wakeUp);
      this.#readers.delete(reader);
    }
  }
}

/** Resolves to false when nothing happened for a heartbeat's time. */
function wokenUp(reader: Reader): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), HEARTBEAT_MS);
    reader.wake = () => {
      clearTimeout(timer);
      reader.wake = () => {};
      resolve(true);
    };
  });
}

/** Whether a record is one that the filter asks for. */
export function matches(record: AccessRecord, filter: LogFilter): boolean {
  if (record.site !== filter.site) return false;
  if (filter.status !== undefined && !isOfStatus(record.status, filter.status)) return false;
  if (filter.outcome !== undefined && record.outcome !== filter.outcome) return false;
  if (filter.country !== undefined && record.country !== filter.country) return false;
  if (filter.method !== undefined && record.method !== filter.method) return false;
  return filter.pathPrefix === undefined || record.target.startsWith(filter.pathPrefix);
}

function isOfStatus(status: number, wanted: string): boolean {
  return wanted.endsWith("xx") ? String(status)[0] === wanted[0] : String(status) === wanted;
}
