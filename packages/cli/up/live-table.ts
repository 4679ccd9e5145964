import type { RouterStatus } from "../admin-client.ts";

const WIDTH = 78;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** One Terminal as the table shows it, whether or not it is connected now. */
export interface TerminalRow {
  endpoint: string;
  pid: number;
}

/** The live table's lines, at most 78 columns wide. Pure: the same figures give the same lines. */
export function tableLines(status: RouterStatus, terminals: readonly TerminalRow[]): string[] {
  const { edge, meter } = status;
  const rule = "─".repeat(WIDTH);
  const lines = [
    rule,
    row(["requests", "hit ratio", "steered", "origin pulls", "claims paid"], FIGURES),
    row(
      [
        String(edge.requests),
        percent(hitRatio(status)),
        String(edge.steered),
        String(edge.originRequests),
        `${meter.paidTickets} (${bytesText(meter.paidBytes)})`,
      ],
      FIGURES,
    ),
    rule,
    row(["terminal", "state", "objects", "sending", "paid for"], TERMINALS),
  ];
  for (const { endpoint } of terminals) {
    const found = status.terminals.find((terminal) => terminal.endpoint === endpoint);
    const host = endpoint.replace(/^https?:\/\//, "");
    if (found === undefined) lines.push(row([host, "away", "", "", ""], TERMINALS));
    else {
      const sending = `${bytesText(found.egressBytesPerSecond)}/s`;
      lines.push(row([host, "serving", String(found.storedObjects), sending, bytesText(found.paidBytes)], TERMINALS));
    }
  }
  lines.push(rule);
  return lines;
}

/** The same figures in one line, for a log. */
export function summaryLine(status: RouterStatus): string {
  const { edge, meter, terminals } = status;
  return [
    `requests ${edge.requests}`,
    `hit ratio ${percent(hitRatio(status))}`,
    `steered ${edge.steered}`,
    `claims paid ${meter.paidTickets} for ${bytesText(meter.paidBytes)}`,
    `terminals ${terminals.length}`,
  ].join(", ");
}

/** Bytes for people, in powers of 1024. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Share of requests answered from what was stored; undefined before the first. */
function hitRatio({ edge }: RouterStatus): number | undefined {
  return edge.requests === 0 ? undefined : (edge.hits + edge.revalidations) / edge.requests;
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? "–" : `${(ratio * 100).toFixed(1)} %`;
}

/** Widths; the sign says which edge the text keeps to. */
const FIGURES = [13, 13, 13, 15, 23];
const TERMINALS = [-27, -10, 10, 16, 14];

function row(cells: string[], widths: readonly number[]): string {
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
  });
  return ` ${padded.join("")}`;
}
