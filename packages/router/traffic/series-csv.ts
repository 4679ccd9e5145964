import type { Dimension } from "./tally.ts";

/** One line of the table. */
export interface CsvFigure {
  at: string;
  value?: string | undefined;
  requests: number;
  bytes: number;
}

/** Figures as CSV (RFC 4180): a heading, lines that end in CR LF. */
export function csvOf(by: Dimension, figures: readonly CsvFigure[]): string {
  const named = by === "total" ? [] : [by];
  const lines = [["at", ...named, "requests", "bytes"]];
  for (const { at, value = "", requests, bytes } of figures) {
    lines.push([at, ...(by === "total" ? [] : [value]), String(requests), String(bytes)]);
  }
  return lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

/** A cell that a spreadsheet would take for a formula gets an apostrophe before it. */
function quoted(cell: string): string {
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
