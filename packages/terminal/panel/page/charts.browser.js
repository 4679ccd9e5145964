// Line, bars, ring: plain SVG in the pixels of their box, coloured by the style sheet.
import { draw, make } from "./dom.browser.js";
import { sizeText } from "./format.browser.js";
import { explorable } from "./tips.browser.js";

const AXIS_HEIGHT = 18;
const HEAD_ROOM = 14;
const NICE = [
  1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600,
  800, 1000,
];

/** The next round size at or above `bytes`, for a scale's end. */
export function niceSize(bytes) {
  let unit = 1;
  while (bytes / unit > 1000) unit *= 1024;
  return (NICE.find((step) => step >= bytes / unit) ?? 1024) * unit;
}

function picture(box, ...children) {
  const { clientWidth: width, clientHeight: height } = box;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, ...children);
  box.replaceChildren(svg);
}

/** Dashed lines at the top and the middle of the scale, and what they stand for: the one goes under what is drawn, the other over it. */
function scaleOf(box, most, text) {
  const { clientWidth: width, clientHeight: height } = box;
  const steps = [1, 0.5].map((share) => ({
    y: HEAD_ROOM + (height - AXIS_HEIGHT - HEAD_ROOM) * (1 - share),
    size: most * share,
  }));
  return {
    lines: steps.map(({ y }) => draw("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y })),
    names: steps.map(({ y, size }) => draw("text", { class: "scale", x: 0, y: y - 4, text: text(size) })),
  };
}

/** Says in the middle of a chart's box why there is nothing to draw. */
export function emptyChart(box, text) {
  box.replaceChildren(make("p", { class: "empty", text }));
  explorable(box, text, []);
}

/**
 * Values over time, the newest at the right edge.
 *
 * @param points {value, text}, oldest first, one for each step of `steps`
 * @param labels texts under the axis, spread evenly from left to right
 */
export function lineChart(box, { points, steps, labels, text, label }) {
  const { clientWidth: width, clientHeight: height } = box;
  const bottom = height - AXIS_HEIGHT;
  // As many neighbours are averaged as share two pixels: a phone shows the shape, not noise.
  const values = smoothed(
    points.map(({ value }) => value),
    Math.max(1, Math.round((2 * steps) / width)),
  );
  const most = niceSize(Math.max(1024, ...values));
  const xOf = (index) => width - ((points.length - 1 - index) * width) / (steps - 1);
  const yOf = (value) => bottom - ((bottom - HEAD_ROOM) * value) / most;
  const path = values.map((value, i) => `${i === 0 ? "M" : "L"}${xOf(i).toFixed(1)} ${yOf(value).toFixed(1)}`).join("");
  const area = `${path}L${width} ${bottom}L${xOf(0).toFixed(1)} ${bottom}Z`;
  const fade = draw("linearGradient", { id: "fade", x1: 0, x2: 0, y1: 0, y2: 1 });
  fade.append(draw("stop", { class: "fade-top", offset: 0 }), draw("stop", { class: "fade-end", offset: 1 }));
  const scale = scaleOf(box, most, text);
  picture(
    box,
    draw("defs", {}, fade),
    ...scale.lines,
    draw("path", { class: "area", d: area }),
    draw("path", { class: "line", d: path }),
    ...scale.names,
    draw("circle", { class: "tip-of-line", cx: width - 3, cy: yOf(values.at(-1) ?? 0), r: 3 }),
    draw("line", { class: "axis", x1: 0, x2: width, y1: bottom, y2: bottom }),
    ...axisLabels(labels, width, height),
  );
  const spots = points.map(({ text: spotText }, i) => ({ x: xOf(i), y: yOf(values[i]), text: spotText }));
  explorable(box, label, spots);
}

function smoothed(values, span) {
  if (span === 1) return values;
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - span + 1), i + 1);
    return window.reduce((sum, value) => sum + value, 0) / window.length;
  });
}

function axisLabels(labels, width, height) {
  return labels.map((text, i) => {
    const anchor = i === 0 ? "start" : i === labels.length - 1 ? "end" : "middle";
    const x = labels.length === 1 ? width : (width * i) / (labels.length - 1);
    return draw("text", { class: "tick", x, y: height - 4, "text-anchor": labels.length === 1 ? "end" : anchor, text });
  });
}

/**
 * One stacked bar for each day, the latest at the right edge; days without a bar stay empty.
 *
 * @param days {day, parts: [class, bytes][], text}, oldest first, no gap
 */
export function dayBars(box, { days, label, tickText }) {
  const { clientWidth: width, clientHeight: height } = box;
  const bottom = height - AXIS_HEIGHT;
  const most = niceSize(Math.max(1024, ...days.map(({ parts }) => parts.reduce((sum, [, bytes]) => sum + bytes, 0))));
  const pitch = width / days.length;
  const gap = Math.min(6, Math.max(1, pitch * 0.22));
  const barWidth = Math.min(46, pitch - gap);
  const bars = draw("g");
  const spots = days.map(({ parts, text }, i) => {
    const x = i * pitch + pitch / 2;
    let y = bottom;
    for (const [className, bytes] of parts) {
      if (bytes === 0) continue;
      const length = Math.max(1, ((bottom - HEAD_ROOM) * bytes) / most);
      y -= length;
      bars.append(
        draw("rect", {
          class: className,
          x: x - barWidth / 2,
          y,
          width: barWidth,
          height: length,
          rx: Math.min(2, length / 2),
        }),
      );
    }
    return { x, y: y - 2, text };
  });
  const scale = scaleOf(box, most, sizeText);
  picture(
    box,
    ...scale.lines,
    bars,
    ...scale.names,
    draw("line", { class: "axis", x1: 0, x2: width, y1: bottom, y2: bottom }),
    ...dayTicks(days, pitch, height, tickText),
  );
  explorable(box, label, spots);
}

const TICK_PIXELS = 84;

/** As many dates as there is room for, counted back from the latest. */
function dayTicks(days, pitch, height, tickText) {
  const every = Math.max(1, Math.ceil(TICK_PIXELS / pitch));
  const last = days.length - 1;
  return days.flatMap(({ day }, i) => {
    if ((last - i) % every !== 0) return [];
    const x = i * pitch + pitch / 2;
    const half = TICK_PIXELS / 2 - 8;
    const width = days.length * pitch;
    const anchor = x + half > width ? "end" : x < half ? "start" : "middle";
    const at = anchor === "end" ? width : anchor === "start" ? 0 : x;
    return [
      draw("text", { class: "tick", x: at, y: height - 4, "text-anchor": anchor, text: tickText(day, i === last) }),
    ];
  });
}

const RING_RADIUS = 42;

/** A ring of shares with a figure in its middle. `parts` are {className, share, text}. */
export function ring(box, { parts, figure, note, label }) {
  const length = 2 * Math.PI * RING_RADIUS;
  const arcs = draw("g", { transform: "rotate(-90 50 50)" });
  arcs.append(draw("circle", { class: "ring-ground", cx: 50, cy: 50, r: RING_RADIUS }));
  let turned = 0;
  for (const { className, share } of parts) {
    if (share === 0) continue;
    const arc = { class: `ring-part ${className}`, cx: 50, cy: 50, r: RING_RADIUS };
    const dash = `${(share * length).toFixed(3)} ${length.toFixed(3)}`;
    arcs.append(
      draw("circle", { ...arc, "stroke-dasharray": dash, "stroke-dashoffset": (-turned * length).toFixed(3) }),
    );
    turned += share;
  }
  const middle = [
    draw("text", { class: "ring-figure", x: 50, y: 52, text: figure }),
    draw("text", { class: "ring-note", x: 50, y: 64, text: note }),
  ];
  box.replaceChildren(draw("svg", { viewBox: "0 0 100 100", role: "img", "aria-label": label }, arcs, ...middle));
}
