// What the Router thinks of this Terminal: earnings, the three tracks of the score.
import { dayBars, emptyChart } from "./charts.browser.js";
import { make, say, sharesOf, whenChanged } from "./dom.browser.js";
import { dayText, percentText, plural, sizeText } from "./format.browser.js";
import { dayOf, lastDays, tickText } from "./traffic-view.browser.js";

const MOST_EARNING_DAYS = 62;
const SHOWN_REASONS = 3;
const TRACKS = [
  ["corrupt", "Wrong bytes", "every piece that was checked was right", "Spot checks: are the stored bytes right?"],
  [
    "unknown",
    "Missing objects",
    "everything that should be here was here",
    "Is everything here that the Router counts on?",
  ],
  ["offline", "Not reachable", "it answered whenever it was tried", "Does it answer whenever it should?"],
];
const NOT_YET = "The Router has not reported anything yet.";

export function showStanding({ atMs, standing }) {
  whenChanged(
    "earned-chart",
    [standing?.earnings, standing?.totalPaidBytes, standing?.refusals[0], dayOf(atMs)],
    (box) => showEarnings(box, standing, atMs),
  );
  whenChanged("tracks", [standing?.tracks], (box) => showTracks(box, standing));
}

function showEarnings(box, standing, atMs) {
  const today = standing?.earnings.find(({ day }) => day === dayOf(atMs));
  say("earned-today", sizeText(today?.paidBytes ?? 0));
  say("earned-note", `paid for today, ${sizeText(standing?.totalPaidBytes ?? 0)} since the beginning`);
  const reason = standing?.refusals[0];
  say("earned-refusal", reason === undefined ? "Bytes that the Router accepted for pay." : `Latest refusal: ${reason}`);
  if (standing === undefined || standing.earnings.length === 0) {
    emptyChart(
      box,
      standing === undefined ? NOT_YET : "Nothing was paid yet. The first bytes served bring the first bar.",
    );
    return;
  }
  const days = lastDays(box, standing.earnings, atMs, MOST_EARNING_DAYS).map(({ day, entry }) => {
    const { paidBytes = 0, refusedBytes = 0 } = entry ?? {};
    const refused = refusedBytes === 0 ? "" : `, ${sizeText(refusedBytes)} refused`;
    const parts = [
      ["paid", paidBytes],
      ["refused", refusedBytes],
    ];
    return { day, parts, text: `${dayText(day)}: ${sizeText(paidBytes)} paid${refused}` };
  });
  dayBars(box, { days, label: "Bytes paid and refused by day", tickText });
}

function showTracks(box, standing) {
  say("score-aside", standing === undefined ? NOT_YET : "0 is best; at the limit the consequence follows");
  box.replaceChildren(...TRACKS.map(([name, ...texts]) => trackRow(texts, standing?.tracks[name])));
}

function trackRow([title, praise, question], track) {
  if (track === undefined || track.checks === 0) {
    const head = make(
      "p",
      { class: "track-head" },
      make("b", { text: title }),
      make("span", { text: "not checked yet" }),
    );
    const note = make("p", { class: "note", text: question });
    return make("li", { class: "unknown" }, head, make("div", { class: "gauge" }), note);
  }
  const { checks, failures, score, limit, consequence, reasons } = track;
  const share = limit === 0 ? 0 : Math.min(1, score / limit);
  const level = share >= 0.8 ? "over" : share >= 0.5 ? "tight" : "good";
  const tally = `${Number(score.toFixed(1))} of ${Number(limit.toFixed(1))}`;
  const head = make("p", { class: "track-head" }, make("b", { text: title }), make("span", { text: tally }));
  const label = `${title}: score ${tally}`;
  const gauge = make("div", {
    class: "gauge",
    role: "img",
    "aria-label": label,
    vars: sharesOf(share),
  });
  gauge.append(make("span", { class: "gauge-fill" }));
  const failed = failures === 0 ? praise : `${plural(failures, "failure")} (${percentText(failures / checks)})`;
  const row = make("li", { class: level }, head, gauge);
  row.append(
    make("p", { class: "note", text: `${plural(checks, "check")}: ${failed}. At the limit: ${consequence}.` }),
  );
  if (reasons.length > 0) {
    row.append(
      make("ul", { class: "reasons" }, ...reasons.slice(0, SHOWN_REASONS).map((text) => make("li", { text }))),
    );
  }
  return row;
}
