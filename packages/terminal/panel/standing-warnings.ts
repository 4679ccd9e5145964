import { type Standing, TRACKS } from "@neson/protocol/standing";
import { sizeText } from "./size-text.ts";
import type { Warning } from "./status.ts";
import type { WarningFacts } from "./warnings.ts";

/** Share of a track's limit from which it is worth a warning, and from which it is grave. */
const NEAR_LIMIT = 0.5;
const VERY_NEAR_LIMIT = 0.8;
/** Share of a day's claimed bytes that are not paid. */
const MANY_REFUSED = 0.05;

const TRACK_NAMES = { corrupt: "wrong bytes", unknown: "missing objects", offline: "not reachable" } as const;
const TRACK_REMEDIES = {
  corrupt:
    "The disk or the memory alters bytes: look at the disk's own error counters (smartctl -a), test the memory, and move the data directory.",
  unknown:
    "Objects that the Router counts on are not here: let nothing else delete or move files in the data directory, and use no restored copy of it.",
  offline: "Keep the machine on and its link up. To stop it without harm, use neson terminal leave.",
} as const;

/** What the Router holds against this Terminal. */
export function standingWarnings({ standing, nowMs }: WarningFacts): Warning[] {
  if (standing === undefined) return [];
  return [...TRACKS.flatMap((track) => trackWarning(track, standing)), ...refusedBytesWarning(standing, nowMs)];
}

function trackWarning(name: (typeof TRACKS)[number], { tracks }: Standing): Warning[] {
  const { checks, failures, score, limit, consequence, reasons } = tracks[name];
  if (checks === 0 || limit === 0 || score < limit * NEAR_LIMIT) return [];
  const state = score >= limit ? "has reached its limit" : `is at ${Math.floor((100 * score) / limit)}% of its limit`;
  const lately = reasons[0] === undefined ? "" : ` Lately: ${reasons[0]}`;
  const message = `Score: "${TRACK_NAMES[name]}" ${state} (${failures.toLocaleString("en")} of ${checks.toLocaleString("en")} checks failed). At the limit: ${consequence}.${lately}`;
  const level = score >= limit * VERY_NEAR_LIMIT ? "error" : "warning";
  return [{ code: `track-${name}`, level, message, remedy: TRACK_REMEDIES[name] }];
}

function refusedBytesWarning({ earnings, refusals }: Standing, nowMs: number): Warning[] {
  const today = earnings.find(({ day }) => day === new Date(nowMs).toISOString().slice(0, 10));
  if (today === undefined) return [];
  const { paidBytes, refusedBytes } = today;
  if (refusedBytes <= (paidBytes + refusedBytes) * MANY_REFUSED) return [];
  const reason = refusals[0] === undefined ? "" : ` The latest reason: ${refusals[0]}`;
  const message = `${sizeText(refusedBytes)} of today's ${sizeText(paidBytes + refusedBytes)} are not paid.${reason}`;
  const remedy =
    "Check that the clock is right and that only one process serves with this identity; then ask the Router's operator.";
  return [{ code: "bytes-refused", level: "warning", message, remedy }];
}
