import { z } from "zod";
import { countOf, textOf } from "./fields.ts";

/** The three things a spot check can find wrong, each judged by itself. */
export const TRACKS = ["corrupt", "unknown", "offline"] as const;

const trackSchema = z.object({
  /** Checks counted on this track, and how many of them went wrong. */
  checks: countOf(),
  failures: countOf(),
  /** Sum of the sequential test: grows with each failure, shrinks with each check passed, never below 0. */
  score: z.number().min(0).max(1e9),
  /** At this score the consequence follows. */
  limit: z.number().min(0).max(1e9),
  /** What happens at the limit, for people. */
  consequence: textOf(200),
  /** What went wrong lately and what to do about it, newest first. */
  reasons: z.array(textOf(300)).max(20),
});

const dayEarningsSchema = z.object({
  /** UTC, as "2026-11-22". */
  day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "expected a day as 2026-11-22"),
  /** Body bytes that the Router accepted for pay. */
  paidBytes: countOf(),
  /** Body bytes that were claimed and are not paid. */
  refusedBytes: countOf(),
});

/** How a Terminal stands with its Router. */
export const standingSchema = z.object({
  tracks: z.object({ corrupt: trackSchema, unknown: trackSchema, offline: trackSchema }),
  /** The latest days, newest first. */
  earnings: z.array(dayEarningsSchema).max(62),
  /** Why bytes were refused lately, for people, newest first. */
  refusals: z.array(textOf(300)).max(20),
  /** Paid since the beginning, bytes. */
  totalPaidBytes: countOf(),
});

/** See `standingSchema`. */
export type Standing = z.infer<typeof standingSchema>;
