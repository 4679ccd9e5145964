// What a chart says about one of its parts: on the pointer, or with the arrow keys once the chart has the focus.
import { byId, draw } from "./dom.browser.js";

const charts = new WeakMap();

/**
 * Makes a chart explorable. Each spot is {x, y, text} in the box's pixels; `width` and `height` bound it where it is an area, else the
 * nearest x wins. Called again for each redraw, it keeps what is selected.
 */
export function explorable(box, label, spots) {
  const known = charts.get(box);
  if (box.getAttribute("aria-label") !== label) box.setAttribute("aria-label", label);
  if (known !== undefined) {
    known.spots = spots;
    if (known.selected >= 0) show(known);
    return;
  }
  const chart = { box, spots, selected: -1, pointer: undefined };
  charts.set(box, chart);
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-roledescription", "chart");
  box.addEventListener("pointermove", (event) => point(chart, event));
  box.addEventListener("pointerdown", (event) => point(chart, event));
  box.addEventListener("pointerleave", () => hide(chart));
  box.addEventListener("blur", () => hide(chart));
  box.addEventListener("keydown", (event) => step(chart, event));
}

function point(chart, event) {
  const bounds = chart.box.getBoundingClientRect();
  chart.pointer = { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  chart.selected = nearest(chart.spots, chart.pointer);
  show(chart);
}

function nearest(spots, { x, y }) {
  const within = spots.findIndex(
    (spot) =>
      spot.width !== undefined && Math.abs(x - spot.x) <= spot.width / 2 && Math.abs(y - spot.y) <= spot.height / 2,
  );
  if (within >= 0) return within;
  let best = -1;
  for (const [index, spot] of spots.entries()) {
    if (spot.width !== undefined && spot.height !== undefined) continue;
    if (best < 0 || Math.abs(x - spot.x) < Math.abs(x - spots[best].x)) best = index;
  }
  return best;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function step(chart, event) {
  const last = chart.spots.length - 1;
  if (event.key === "Escape") return hide(chart);
  if (last < 0) return;
  if (event.key === "Home") chart.selected = 0;
  else if (event.key === "End") chart.selected = last;
  else if (STEPS[event.key] === undefined) return;
  else if (chart.selected < 0) chart.selected = last;
  else chart.selected = Math.min(last, Math.max(0, chart.selected + STEPS[event.key] * (chart.stride ?? 1)));
  event.preventDefault();
  chart.pointer = undefined;
  show(chart);
}

function show(chart) {
  const spot = chart.spots[chart.selected];
  if (spot === undefined) return hide(chart);
  const bounds = chart.box.getBoundingClientRect();
  const tip = byId("tip");
  if (tip.textContent !== spot.text) tip.textContent = spot.text;
  tip.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = bounds.left + spot.x - width / 2;
  const above = bounds.top + spot.y - height - 12;
  const room = document.documentElement.clientWidth;
  tip.style.left = `${Math.min(room - width - 8, Math.max(8, left))}px`;
  tip.style.top = `${above < 8 ? bounds.top + spot.y + 14 : above}px`;
  mark(chart.box, spot);
}

function mark(box, spot) {
  const svg = box.querySelector("svg");
  if (svg === null) return;
  svg.querySelector(".mark-spot")?.remove();
  if (spot.width !== undefined && spot.height !== undefined) {
    const { x, y, width, height } = spot;
    svg.append(draw("rect", { class: "mark-spot", x: x - width / 2, y: y - height / 2, width, height, rx: 3 }));
    return;
  }
  const bottom = box.clientHeight - 18;
  const line = draw("line", { x1: spot.x, x2: spot.x, y1: 0, y2: bottom });
  svg.append(draw("g", { class: "mark-spot" }, line, draw("circle", { cx: spot.x, cy: spot.y, r: 4 })));
}

function hide(chart) {
  chart.selected = -1;
  chart.box.querySelector(".mark-spot")?.remove();
  byId("tip").hidden = true;
}
