import { Keys32TraceReader } from "./keys32-trace.ts";
import { TextTraceReader } from "./text-trace.ts";
import { type Trace, TraceBuilder } from "./trace.ts";
import { compressionOf, traceBytes } from "./trace-bytes.ts";

/** What is in a log file: lines `time id size`, or 32-bit keys. */
export const TRACE_FORMATS = ["text", "keys32"] as const;
/** One of TRACE_FORMATS. */
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** How to read a log, where its name and first bytes should not decide. */
export interface ReadOptions {
  format?: TraceFormat | undefined;
  /** Takes only the first requests. */
  limit?: number | undefined;
  /** Decompressed bytes that are read at most. */
  maxBytes?: number | undefined;
}

/**
 * Reads a log file, plain or compressed with gzip, bzip2 or xz (by its name). Files named `.trace` and those with a zero byte early on
 * are keys32, others text. Throws NesonError (fault caller) "trace-unreadable", "trace-too-large", "trace-line", "trace-cut", "trace-empty".
 */
export async function readTrace(file: string, { format, limit, maxBytes }: ReadOptions = {}): Promise<Trace> {
  const builder = new TraceBuilder(file, limit);
  let reader: TextTraceReader | Keys32TraceReader | undefined;
  for await (const piece of traceBytes(file, maxBytes)) {
    reader ??=
      (format ?? guessFormat(file, piece)) === "text"
        ? new TextTraceReader(file, builder)
        : new Keys32TraceReader(file, builder);
    reader.push(piece);
    if (builder.isFull) break;
  }
  reader?.end();
  return builder.finish();
}

function guessFormat(file: string, piece: Uint8Array): TraceFormat {
  return compressionOf(file).name.endsWith(".trace") || piece.includes(0) ? "keys32" : "text";
}
