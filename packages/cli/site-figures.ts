import type { statsSchema } from "@neson/router/api/calls/traffic";
import type { z } from "zod";
import { textTable } from "./text-table.ts";
import { bytesText } from "./up/live-table.ts";

type Stats = z.output<typeof statsSchema>;

const BAR_COLUMNS = 24;
const SECONDS = { minute: 60, hour: 3600, day: 86_400 };

/** Figures for people: a line a step for the total, a line a value otherwise, with bars that compare bytes (requests when there are no bytes). */
export function statsText(stats: Stats): string {
  const span = `${timeText(stats.from, "minute")} to ${timeText(stats.to, "minute")} UTC`;
  if (stats.figures.length === 0) return `nobody asked ${stats.site} for anything from ${span}\n`;
  const rows = stats.by === "total" ? stepsOf(stats) : valuesOf(stats);
  const totals = sumOf(stats.figures);
  const heading = [stats.by === "total" ? stats.step : stats.by, "requests", "bytes"];
  const all = [...rows.map(({ name, figure }) => [name, ...cells(figure)]), ["total", ...cells(totals)]];
  const width = (column: number) => Math.max(...[heading, ...all].map((row) => (row[column] ?? "").length));
  const [requestsWidth, bytesWidth] = [width(1), width(2)];
  const aligned = ([name = "", requests = "", bytes = ""]: string[], bar: string) => [
    ...[name, requests.padStart(requestsWidth), bytes.padStart(bytesWidth), bar],
  ];
  const most = Math.max(...rows.map(({ figure }) => weight(figure, totals)));
  const bars = rows.map(({ figure }) => barOf(weight(figure, totals) / Math.max(1, most)));
  const lines = all.map((row, index) => aligned(row, bars[index] ?? ""));
  return `${stats.site}, ${span}\n\n${textTable(aligned(heading, ""), lines)}`;
}

interface Figure {
  requests: number;
  bytes: number;
}

/** Every step of the span, those in which nothing happened included, up to a screenful; else those in which something did. */
function stepsOf({ from, to, step, figures }: Stats): { name: string; figure: Figure }[] {
  const known = new Map(figures.map((figure) => [Date.parse(figure.at), figure]));
  const stepMs = SECONDS[step] * 1000;
  const count = (Date.parse(to) - Date.parse(from)) / stepMs;
  const times =
    count > 60 ? [...known.keys()] : Array.from({ length: count }, (_, at) => Date.parse(from) + at * stepMs);
  return times.map((atMs) => ({
    name: timeText(new Date(atMs).toISOString(), step),
    figure: known.get(atMs) ?? { requests: 0, bytes: 0 },
  }));
}

function valuesOf({ figures }: Stats): { name: string; figure: Figure }[] {
  const values = new Map<string, Figure[]>();
  for (const { value = "", ...figure } of figures) values.set(value, [...(values.get(value) ?? []), figure]);
  const rows = [...values].map(([name, list]) => ({ name, figure: sumOf(list) }));
  return rows.sort((a, b) => b.figure.bytes - a.figure.bytes || b.figure.requests - a.figure.requests);
}

function sumOf(figures: readonly Figure[]): Figure {
  const sum = { requests: 0, bytes: 0 };
  for (const { requests, bytes } of figures) {
    sum.requests += requests;
    sum.bytes += bytes;
  }
  return sum;
}

function cells({ requests, bytes }: Figure): [string, string] {
  return [requests.toLocaleString("en-US"), bytesText(bytes)];
}

function weight({ requests, bytes }: Figure, totals: Figure): number {
  return totals.bytes > 0 ? bytes : requests;
}

function barOf(share: number): string {
  const eighths = Math.round(share * BAR_COLUMNS * 8);
  return "█".repeat(Math.floor(eighths / 8)) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
}

function timeText(at: string, step: Stats["step"]): string {
  return step === "day" ? at.slice(0, 10) : at.slice(0, 16).replace("T", " ");
}
