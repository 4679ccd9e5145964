import { countOf, textOf } from "@neson/protocol/fields";
import { hardwareSchema } from "@neson/protocol/hardware";
import { releaseSchema } from "@neson/protocol/release";
import { standingSchema } from "@neson/protocol/standing";
import { z } from "zod";
import { OUTCOMES } from "./outcomes.ts";
import { KEPT_DAYS } from "./traffic-days.ts";
import { RING_SECONDS } from "./traffic-ring.ts";

/** Most objects in one status. */
export const MAX_LISTED_OBJECTS = 160;

const byOutcome = z.record(z.enum(OUTCOMES), countOf());
const perSecond = z.array(countOf()).max(RING_SECONDS);
const rate = z.number().min(0).max(1e15);
const ratio = z.number().min(0).max(1);

/** Something the operator should know, and what to do about it. */
export const warningSchema = z.object({
  /** Stable, for programs. */
  code: textOf(64),
  /** `error`: the Terminal earns nothing, or soon will not; `warning`: it could do better; `info`: worth knowing. */
  level: z.enum(["info", "warning", "error"]),
  message: textOf(600),
  remedy: textOf(600),
});

/** See `warningSchema`. */
export type Warning = z.infer<typeof warningSchema>;

const objectSchema = z.object({
  objectId: textOf(64),
  size: countOf(),
  site: textOf(300),
  requestCount: countOf(),
  lastUsedAtMs: countOf(),
  state: z.enum(["partial", "unchecked", "whole"]),
});

/** The answer to `GET /api/status`. Absent fields are not known (yet). Bytes, milliseconds since the Unix epoch, shares from 0 to 1. */
export const statusSchema = z.object({
  atMs: countOf(),
  identity: z.object({
    terminalId: textOf(128),
    endpoint: textOf(2048),
    version: textOf(64),
    dataDir: textOf(4096),
    routerUrl: textOf(2048),
    startedAtMs: countOf(),
  }),
  connection: z.object({
    isConnected: z.boolean(),
    lastRefusal: z.object({ code: textOf(64), message: textOf(1000), atMs: countOf() }).optional(),
  }),
  /** Somebody asked it to leave. */
  isLeaving: z.boolean(),
  load: z.object({
    openTransfers: countOf(),
    connections: countOf(),
    egressBytesPerSecond: rate,
    cpuLoad: ratio,
    freeMemoryBytes: countOf(),
  }),
  traffic: z.object({
    /** Since the process started. */
    totals: z.object({ answers: byOutcome, bytes: byOutcome }),
    /** The last seconds, oldest first. */
    recent: z.object({ answers: perSecond, hits: perSecond, bytes: perSecond }),
    /** UTC days on which something happened, oldest first. */
    days: z.array(z.object({ day: textOf(10), answers: byOutcome, bytes: byOutcome })).max(KEPT_DAYS),
  }),
  storage: z.object({
    quotaBytes: countOf(),
    usedBytes: countOf(),
    remainingBytes: countOf(),
    objects: countOf(),
    partialObjects: countOf(),
    uncheckedObjects: countOf(),
    refusesSaves: z.enum(["disk-full", "disk-read-only", "disk-gone", "draining"]).optional(),
    memoryBytes: countOf(),
    memoryBudgetBytes: countOf(),
  }),
  /** The most asked for first. */
  popular: z.array(objectSchema).max(MAX_LISTED_OBJECTS),
  standing: standingSchema.optional(),
  release: releaseSchema.optional(),
  hardware: hardwareSchema,
  /** Of TLS; absent without it. */
  certificate: z.object({ expiresAtMs: countOf() }).optional(),
  /** Gravest first. */
  warnings: z.array(warningSchema).max(50),
});

/** See `statusSchema`. */
export type Status = z.infer<typeof statusSchema>;

/** The file `panel.json` in the data directory: where the panel of the running Terminal is, and the token that its calls need. */
export const panelFileSchema = z.object({
  url: z.url({ protocol: /^http$/ }).max(200),
  token: textOf(200).min(1),
});

/** See `panelFileSchema`. */
export type PanelFile = z.infer<typeof panelFileSchema>;
