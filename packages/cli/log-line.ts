import type { logLineSchema } from "@neson/router/api/calls/logs";
import type { z } from "zod";
import { bytesText } from "./up/live-table.ts";

type Line = z.output<typeof logLineSchema>;

const MAX_TARGET_CHARS = 120;

/** One request of a live log for people; with `why`, every decision on a line of its own below it. */
export function requestText(request: Extract<Line, { type: "request" }>["request"], why: boolean): string {
  const { time, status, outcome, bytes, durationMs, method, target, clientNetwork, country, terminal } = request;
  const cells = [
    time.slice(11, 19),
    String(status),
    outcome.padEnd(11),
    bytesText(bytes).padStart(10),
    `${Math.round(durationMs)} ms`.padStart(9),
    `${clientNetwork}${country === undefined ? "" : ` ${country}`}`.padEnd(22),
    shown(`${method} ${target}`),
    ...(terminal === undefined ? [] : [`→ ${terminal.slice(0, 12)}`]),
    ...(request.complete ? [] : ["(broken off)"]),
  ];
  const line = `${cells.join("  ")}\n`;
  return why ? line + request.steps.map((step) => `          ${shown(step)}\n`).join("") : line;
}

/** Text that a stranger chose, as it may go to a terminal: no control characters, no endless lines. */
function shown(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, "?");
  return clean.length > MAX_TARGET_CHARS ? `${clean.slice(0, MAX_TARGET_CHARS)}…` : clean;
}
