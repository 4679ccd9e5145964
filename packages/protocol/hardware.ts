import { z } from "zod";
import { countOf, textOf } from "./fields.ts";

/** A rate, bytes or bits a second. */
const rateField = z.number().min(0).max(1e15);

/** What a Terminal runs on, as it says in `hello`. What could not be found out is absent. */
export const hardwareSchema = z.object({
  /** Operating system and architecture, as "linux-x64". */
  platform: textOf(64),
  cpuModel: textOf(128),
  /** Logical cores that the process may use. */
  cpuCores: countOf(65_535),
  memoryBytes: countOf(),
  /** The disk that the data directory lies on. */
  disk: z.object({
    kind: z.enum(["ssd", "hdd", "memory", "network", "unknown"]),
    totalBytes: countOf(),
    freeBytes: countOf(),
    /** Measured: reading and writing one large file from end to end, past the system's cache where it lets us. */
    readBytesPerSecond: rateField.optional(),
    writeBytesPerSecond: rateField.optional(),
  }),
  /** Nominal speed of the network interface that leads to the Router. */
  linkBitsPerSecond: rateField.optional(),
  /** Runs with `--small`: a board with little memory. */
  isSmall: z.boolean(),
});

/** See `hardwareSchema`. */
export type Hardware = z.infer<typeof hardwareSchema>;
