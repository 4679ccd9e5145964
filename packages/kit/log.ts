import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";

/** A structured logger; take `log.child({part: "fill"})` for a part of a service. */
export type Log = Logger;

/** How much is written: a level includes all the levels after it. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Options of `createLog`. */
export interface LogOptions {
  /** The service's name, in every line. */
  name: string;
  level: LogLevel;
  /** Where lines go; standard error when absent, so that standard output stays free for what a person asked for. */
  destination?: DestinationStream;
}

/** A logger that writes one JSON object per line, with ISO 8601 time. */
export function createLog({ name, level, destination: target }: LogOptions): Log {
  return pino(
    { name, level, base: { pid: process.pid }, timestamp: stdTimeFunctions.isoTime },
    target ?? destination({ dest: 2, sync: true }),
  );
}

/** A logger that writes nothing, for tests. */
export const silentLog: Log = pino({ level: "silent" });
