import { TRACKS } from "@neson/protocol/standing";
import { sizeText } from "@neson/terminal/panel/size-text";
import type { Status, Warning } from "@neson/terminal/panel/status";
import { printable } from "../fetched.ts";
import { coloured, type Look, wrapped } from "./look.ts";

const RATE_SECONDS = 5;
const BAR_CELLS = 30;
const TRACK_CELLS = 10;
const TRACK_NAMES = { corrupt: "wrong bytes", unknown: "missing", offline: "not reachable" } as const;

/** A Terminal's state in lines of at most 80 characters. Pure: the same status gives the same lines. */
export function statusLines(status: Status, look: Look): string[] {
  const lines = [
    ...header(status, look),
    "",
    row("now", nowText(status)),
    row("today", todayText(status)),
    ...storageRows(status, look),
    ...standingRows(status, look),
  ];
  const { warnings } = status;
  if (warnings.length > 0) lines.push("");
  for (const warning of warnings) lines.push(...warningLines(warning, look));
  return lines;
}

function header({ identity, connection, isLeaving, atMs }: Status, look: Look): string[] {
  const { terminalId, version, endpoint, routerUrl, startedAtMs } = identity;
  const up = durationText((atMs - startedAtMs) / 1000);
  const name = coloured(`Terminal ${terminalId.slice(0, 12)}`, "bold", look);
  return [
    `${name}  version ${printable(version).slice(0, 24)}, up ${up}`,
    ...wrapped(printable(endpoint), "  "),
    `  ${stateText(connection.isConnected, isLeaving, look)} ${cut(printable(routerUrl), 56)}`,
  ];
}

function stateText(isConnected: boolean, isLeaving: boolean, look: Look): string {
  if (isLeaving) return coloured("leaving", "yellow", look);
  return isConnected ? coloured("connected to", "green", look) : coloured("NOT connected to", "red", look);
}

function nowText({ load, traffic }: Status): string {
  const { bytes, answers } = traffic.recent;
  const rate = `${sizeText(mean(bytes.slice(-RATE_SECONDS)))}/s`;
  const perSecond = mean(answers.slice(-RATE_SECONDS));
  return `${rate}, ${countText(perSecond)} answers/s, ${countText(load.openTransfers)} open transfers`;
}

function todayText({ atMs, traffic }: Status): string {
  const today = traffic.days.find(({ day }) => day === dayOf(atMs));
  if (today === undefined) return "nothing asked for yet";
  const { memory, disk, fill, "sent-back": sentBack } = today.answers;
  const asked = memory + disk + fill + sentBack;
  const bytes = Object.values(today.bytes).reduce((sum, count) => sum + count, 0);
  const hits = asked === 0 ? "no requests for objects" : `${percentText((memory + disk) / asked)} hits`;
  return `${sizeText(bytes)} in ${countText(asked + today.answers.refused)} answers, ${hits}`;
}

function storageRows({ storage }: Status, look: Look): string[] {
  const { usedBytes, quotaBytes, objects, partialObjects, uncheckedObjects } = storage;
  const share = quotaBytes === 0 ? 1 : usedBytes / quotaBytes;
  const detail = [`${countText(objects)} objects`];
  if (partialObjects > 0) detail.push(`${countText(partialObjects)} partial`);
  if (uncheckedObjects > 0) detail.push(`${countText(uncheckedObjects)} not checked yet`);
  const used = `${sizeText(usedBytes)} of ${sizeText(quotaBytes)}`;
  return [row("storage", `${bar(share, BAR_CELLS, look)} ${used}`), row("", detail.join(", "))];
}

function standingRows({ standing, atMs }: Status, look: Look): string[] {
  if (standing === undefined) return [row("earned", "the Router has not reported anything yet")];
  const today = standing.earnings.find(({ day }) => day === dayOf(atMs));
  const refused = today !== undefined && today.refusedBytes > 0 ? `, ${sizeText(today.refusedBytes)} refused` : "";
  const paid = sizeText(today?.paidBytes ?? 0);
  const earned = `${paid} paid for today${refused}, ${sizeText(standing.totalPaidBytes)} in all`;
  const tracks = TRACKS.map((name, index) => {
    const { checks, failures, score, limit } = standing.tracks[name];
    const share = limit === 0 ? 0 : score / limit;
    const colour = share >= 1 ? "red" : share >= 0.5 ? "yellow" : "green";
    const figures = checks === 0 ? "no checks yet" : `${countText(failures)} of ${countText(checks)} checks failed`;
    const drawn = coloured(bar(share, TRACK_CELLS, { ...look, hasColour: false }), colour, look);
    return row(index === 0 ? "score" : "", `${TRACK_NAMES[name].padEnd(13)} ${drawn} ${figures}`);
  });
  return [row("earned", earned), ...tracks];
}

function warningLines({ level, message, remedy }: Warning, look: Look): string[] {
  const signs = look.hasUnicode
    ? { error: "✗", warning: "!", info: "·" }
    : { error: "FAIL", warning: "warn", info: "note" };
  const colour = ({ error: "red", warning: "yellow", info: "dim" } as const)[level];
  const [first = "", ...rest] = wrapped(printable(message), " ".repeat(signs[level].length + 1));
  return [
    coloured(signs[level], colour, look) + first.slice(signs[level].length),
    ...rest,
    ...wrapped(printable(remedy), " ".repeat(signs[level].length + 3)),
  ];
}

function bar(share: number, cells: number, { hasUnicode }: Look): string {
  // Something is never drawn as nothing, nor less than all as all.
  const full = Math.min(cells, share >= 1 ? cells : Math.min(cells - 1, Math.ceil(share * cells)));
  return hasUnicode ? "█".repeat(full) + "░".repeat(cells - full) : `${"#".repeat(full)}${".".repeat(cells - full)}`;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(9)} ${text}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Never says 100% of what is not wholly so. */
function percentText(share: number): string {
  return share < 1 && share > 0.999 ? ">99.9%" : `${(share * 100).toFixed(1)}%`;
}

/** Whole numbers with a comma after each third digit. */
function countText(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}
