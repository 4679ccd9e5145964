// Traffic now and by day, and the hit ratio.
import { dayBars, emptyChart, lineChart, ring } from "./charts.browser.js";
import { byId, make, say, whenChanged } from "./dom.browser.js";
import { dayText, percentText, plural, rateText, shortCount, sizeText, timeText } from "./format.browser.js";

const LINE_SECONDS = 600;
const FIGURE_SECONDS = 5;
const DAY_MS = 86_400_000;
const LEAST_DAYS = 14;
const MOST_DAYS = 90;
const DAY_PIXELS = 13;
const HIT_PARTS = [
  ["memory", "from memory"],
  ["disk", "from disk"],
  ["fill", "while being filled"],
  ["sent-back", "sent back to the site"],
];

export function showTraffic(status) {
  showNow(status);
  showHits(status);
  showDays(status);
}

function showNow({ atMs, load, traffic }) {
  const { answers, hits, bytes } = traffic.recent;
  const rate = mean(bytes.slice(-FIGURE_SECONDS));
  say("now-rate", rateText(rate));
  say("now-note", `${shortCount(mean(answers.slice(-FIGURE_SECONDS)))} answers/s`);
  say("now-aside", `${plural(load.openTransfers, "transfer")} under way, ${plural(load.connections, "connection")}`);
  const box = byId("now-chart");
  if (bytes.every((count) => count === 0)) {
    emptyChart(box, "Nobody was sent here in the last ten minutes. The line starts with the first viewer.");
    return;
  }
  const points = bytes.map((value, i) => {
    const time = timeText(atMs - (bytes.length - i) * 1000);
    const ratio = answers[i] === 0 ? "" : `, ${percentText(hits[i] / answers[i])} hits`;
    return { value, text: `${time}  ${rateText(value)}, ${plural(answers[i], "answer")}${ratio}` };
  });
  const label = `Bytes sent in the last ten minutes, now ${rateText(rate)}`;
  const labels = box.clientWidth < 420 ? ["10 min ago", "now"] : ["10 min ago", "5 min ago", "now"];
  lineChart(box, { points, steps: LINE_SECONDS, labels, text: rateText, label });
}

function mean(values) {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function showHits({ atMs, traffic }) {
  const today = traffic.days.find(({ day }) => day === dayOf(atMs))?.answers;
  const counts = HIT_PARTS.map(([name]) => today?.[name] ?? 0);
  const refused = today?.refused ?? 0;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const hits = counts[0] + counts[1];
  whenChanged("hits-ring", [counts, refused], (box) => {
    const parts = HIT_PARTS.map(([className], i) => ({ className, share: all === 0 ? 0 : counts[i] / all }));
    const figure = all === 0 ? "–" : percentText(hits / all);
    const label = all === 0 ? "Nothing was asked for today" : `${figure} of today's requests were hits`;
    ring(box, { parts, figure, note: all === 0 ? "nothing yet" : "were here", label });
    const rows = HIT_PARTS.map(([name, text], i) => legendRow(name, text, counts[i], all));
    rows.push(legendRow("refused", "refused: no valid ticket", refused));
    byId("hits-legend").replaceChildren(...rows);
  });
}

function legendRow(className, text, count, all) {
  const row = make("li", {}, make("span", { class: `swatch ${className}` }), make("span", { text }));
  const share = all === undefined || all === 0 ? "" : ` · ${percentText(count / all)}`;
  row.append(make("b", { text: `${shortCount(count)}${share}` }));
  return row;
}

function showDays({ atMs, traffic }) {
  whenChanged("days-chart", [traffic.days.at(-1), traffic.days.length, dayOf(atMs)], (box) => {
    const total = traffic.days.reduce((sum, { bytes }) => sum + servedBytes(bytes), 0);
    if (total === 0) {
      say("days-aside", "UTC");
      emptyChart(box, "No day to show yet. Each day that something is served gets a bar here, for 90 days.");
      return;
    }
    const days = lastDays(box, traffic.days, atMs, MOST_DAYS).map(({ day, entry }) => {
      const bytes = entry?.bytes;
      const parts = ["memory", "disk", "fill"].map((name) => [name, bytes?.[name] ?? 0]);
      const all = bytes === undefined ? 0 : servedBytes(bytes);
      const requests = entry === undefined ? 0 : Object.values(entry.answers).reduce((sum, count) => sum + count, 0);
      return { day, parts, text: `${dayText(day)}: ${sizeText(all)} in ${plural(requests, "answer")}` };
    });
    say("days-aside", `${sizeText(total)} in ${plural(traffic.days.length, "day")}, UTC`);
    dayBars(box, { days, label: "Bytes served by day", tickText });
  });
}

function servedBytes(bytes) {
  return Object.values(bytes).reduce((sum, count) => sum + count, 0);
}

/** The latest days without a gap, as many as there is room for and reason to. */
export function lastDays(box, entries, atMs, most) {
  const oldest = entries.map(({ day }) => day).sort()[0] ?? dayOf(atMs);
  const reach = Math.round((Date.parse(dayOf(atMs)) - Date.parse(oldest)) / DAY_MS) + 1;
  const room = Math.floor(box.clientWidth / DAY_PIXELS);
  const count = Math.max(LEAST_DAYS, Math.min(most, reach, room));
  return Array.from({ length: count }, (_, i) => {
    const day = dayOf(atMs - (count - 1 - i) * DAY_MS);
    return { day, entry: entries.find((entry) => entry.day === day) };
  });
}

export function tickText(day, isLast) {
  return isLast ? "today" : dayText(day).replace(/^(\d+ \w{3}).*/, "$1");
}

export function dayOf(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}
