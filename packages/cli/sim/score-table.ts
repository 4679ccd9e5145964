import { bytesText } from "../up/live-table.ts";
import { boundName, type Comparison, type Score } from "./compare.ts";
import type { Trace } from "./trace.ts";

const NAME_WIDTH = 18;
const FIGURE_WIDTH = 13;
const BEST_MARK = " ◀ best";

/** A comparison as lines for a terminal: one block per cache size, one row per policy, the best policy that can be built marked. */
export function scoreTable(file: string, trace: Trace, comparisons: readonly Comparison[]): string[] {
  const size = trace.hasSizes ? `${bytesText(trace.footprintBytes)} in all` : "no sizes: each object counts as 1";
  const lines = [`${file}: ${count(trace.keys.length)} requests for ${count(trace.sizes.length)} objects, ${size}`];
  lines.push(`bound: ${boundName(trace)}`);
  for (const comparison of comparisons) lines.push("", ...block(trace, comparison));
  return lines;
}

function block(trace: Trace, { share, capacityBytes, boundHitRatio, scores }: Comparison): string[] {
  const room = trace.hasSizes ? bytesText(capacityBytes) : `${count(capacityBytes)} objects`;
  const names = ["object hits", ...(trace.hasSizes ? ["byte hits"] : []), "of bound", "µs/request"];
  const best = Math.max(...scores.filter((score) => score.isOnline).map((score) => score.objectHitRatio));
  const header =
    `cache ${shareText(share)}`.padEnd(NAME_WIDTH) + names.map((name) => name.padStart(FIGURE_WIDTH)).join("");
  const rows = scores.map((score) => {
    const mark = score.isOnline && score.objectHitRatio === best ? BEST_MARK : "";
    return `${row(score, trace.hasSizes)}${mark}`;
  });
  const bound = "bound".padEnd(NAME_WIDTH) + percent(boundHitRatio).padStart(FIGURE_WIDTH);
  return [`${header}   (${room})`, "─".repeat(header.length), ...rows, bound];
}

function row(score: Score, hasSizes: boolean): string {
  const figures = [
    percent(score.objectHitRatio),
    ...(hasSizes ? [percent(score.byteHitRatio)] : []),
    score.shareOfBound.toFixed(3),
    score.microsecondsPerRequest.toFixed(2),
  ];
  const name = score.isOnline ? score.policy : `${score.policy} (off-line)`;
  return name.padEnd(NAME_WIDTH) + figures.map((figure) => figure.padStart(FIGURE_WIDTH)).join("");
}

/** "1 %", "0.1 %". */
function shareText(share: number): string {
  return `${Number((share * 100).toPrecision(6))} %`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(2)} %`;
}

/** Whole numbers with a comma after each third digit. */
function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
