// The store: how full it is, a map of its objects, and those most asked for.
import { emptyChart } from "./charts.browser.js";
import { draw, make, say, whenChanged } from "./dom.browser.js";
import { countText, durationText, percentText, plural, shortCount, sizeText } from "./format.browser.js";
import { explorable } from "./tips.browser.js";
import { treemap } from "./treemap.browser.js";

const SHOWN_POPULAR = 9;
/** No tile is smaller than this share of the map, so that each can be seen and pointed at. */
const LEAST_SHARE = 1 / 1500;
const GAP = 2;
const LABEL_WIDTH = 74;
const LABEL_HEIGHT = 34;
const STATES = { partial: "being filled", unchecked: "not checked yet" };

export function showStorage({ storage, popular, atMs }) {
  const { quotaBytes, usedBytes, remainingBytes } = storage;
  const share = quotaBytes === 0 ? 0 : usedBytes / quotaBytes;
  const unchecked =
    storage.uncheckedObjects === 0 ? "" : `, ${countText(storage.uncheckedObjects)} still to be checked`;
  say(
    "storage-aside",
    `${sizeText(usedBytes)} of ${sizeText(quotaBytes)} in ${plural(storage.objects, "object")}${unchecked}`,
  );
  whenChanged("storage-bar", [usedBytes, remainingBytes, quotaBytes], (bar) => {
    const beyond = Math.max(0, quotaBytes - usedBytes - remainingBytes);
    bar.setAttribute("aria-label", `${percentText(share)} of the quota is used`);
    const width = (bytes) => ({ "--share": `${quotaBytes === 0 ? 0 : Math.min(100, (100 * bytes) / quotaBytes)}%` });
    bar.replaceChildren(
      make("span", { class: "used", vars: width(usedBytes) }),
      make("span", { class: "left", vars: width(remainingBytes) }),
      make("span", { class: "beyond", vars: width(beyond) }),
    );
  });
  whenChanged("storage-map", [popular, storage], (box) => showMap(box, storage, popular, atMs));
  whenChanged("popular", [popular.slice(0, SHOWN_POPULAR)], (box) => showPopular(box, popular));
}

function showMap(box, storage, popular, atMs) {
  if (storage.objects === 0) {
    emptyChart(
      box,
      `Empty: ${sizeText(storage.remainingBytes)} wait for objects. The Router sends them as viewers ask.`,
    );
    return;
  }
  const { clientWidth: width, clientHeight: height } = box;
  const tiles = tilesOf(storage, popular);
  const least = tiles.reduce((sum, { bytes }) => sum + bytes, 0) * LEAST_SHARE;
  const places = treemap(
    tiles.map(({ bytes }) => Math.max(bytes, least)),
    { x: 0, y: 0, width, height },
  );
  const most = Math.log1p(popular[0]?.requestCount ?? 0);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, pattern());
  const spots = tiles.map((tile, i) => {
    const place = places[i];
    svg.append(tileOf(tile, place, most));
    const { x, y } = { x: place.x + place.width / 2, y: place.y + place.height / 2 };
    return { x, y, width: place.width - GAP, height: place.height - GAP, text: tileText(tile, atMs) };
  });
  box.replaceChildren(svg);
  explorable(box, `Map of ${plural(storage.objects, "object")} by size`, spots);
}

/** The listed objects, the rest as one, and the free room, largest first. */
function tilesOf(storage, popular) {
  const listed = popular.filter(({ size }) => size > 0);
  const tiles = listed.map((object) => ({ kind: object.state, bytes: object.size, object }));
  const restBytes = storage.usedBytes - listed.reduce((sum, { size }) => sum + size, 0);
  const restCount = storage.objects - popular.length;
  if (restCount > 0 && restBytes > 0) tiles.push({ kind: "rest", bytes: restBytes, count: restCount });
  if (storage.remainingBytes > 0) tiles.push({ kind: "free", bytes: storage.remainingBytes });
  return tiles.sort((a, b) => b.bytes - a.bytes);
}

function pattern() {
  const lines = draw("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse" });
  lines.setAttribute("patternTransform", "rotate(45)");
  lines.append(draw("line", { class: "hatch", x1: 0, x2: 0, y1: 0, y2: 7 }));
  return draw("defs", {}, lines);
}

function tileOf({ kind, bytes, object, count }, { x, y, width, height }, most) {
  const shape = {
    x: x + GAP / 2,
    y: y + GAP / 2,
    width: Math.max(1, width - GAP),
    height: Math.max(1, height - GAP),
    rx: Math.min(5, width / 5, height / 5),
  };
  const heat = kind === "whole" && most > 0 ? (Math.log1p(object.requestCount) / most) ** 1.7 : 0;
  const warmth = heat > 0.75 ? " hot hottest" : heat > 0.62 ? " hot" : "";
  const group = draw("g", { class: `tile ${kind}${warmth}`, vars: { "--heat": `${6 + 94 * heat}%` } });
  group.append(draw("rect", shape));
  if (kind === "partial" || kind === "unchecked") group.append(draw("rect", { ...shape, class: "hatched" }));
  if (width < LABEL_WIDTH || height < LABEL_HEIGHT) return group;
  const name = kind === "free" ? "free" : kind === "rest" ? `${shortCount(count)} others` : object.site || "object";
  const room = Math.floor((width - 14) / 7.3);
  const text = name.length > room ? `${name.slice(0, room - 1)}…` : name;
  group.append(draw("text", { class: "tile-name", x: x + 8, y: y + 18, text }));
  if (height >= LABEL_HEIGHT + 10)
    group.append(draw("text", { class: "tile-size", x: x + 8, y: y + 33, text: sizeText(bytes) }));
  return group;
}

function tileText({ kind, bytes, object, count }, atMs) {
  if (kind === "free") return `${sizeText(bytes)} free`;
  if (kind === "rest") return `${countText(count)} other objects, ${sizeText(bytes)}`;
  const state = STATES[kind] === undefined ? "" : `, ${STATES[kind]}`;
  const used = object.requestCount === 0 ? "" : `, last ${durationText((atMs - object.lastUsedAtMs) / 1000)} ago`;
  const site = object.site || "no site";
  return `${site} · ${object.objectId.slice(0, 8)}: ${sizeText(bytes)}, ${plural(object.requestCount, "request")}${used}${state}`;
}

function showPopular(box, popular) {
  const shown = popular.slice(0, SHOWN_POPULAR).filter(({ requestCount }) => requestCount > 0);
  if (shown.length === 0) {
    box.replaceChildren(make("li", { class: "empty", text: "Nothing was asked for yet." }));
    return;
  }
  const most = shown[0].requestCount;
  box.replaceChildren(
    ...shown.map(({ objectId, site, size, requestCount, state }) => {
      const name = make(
        "span",
        { class: "name" },
        make("b", { text: site || "no site" }),
        make("code", { text: objectId.slice(0, 8) }),
      );
      const share = `${Math.max(1, (100 * requestCount) / most)}%`;
      const bar = make("span", { class: `bar ${state}`, vars: { "--share": share } });
      return make(
        "li",
        { title: `${objectId}${STATES[state] === undefined ? "" : ` (${STATES[state]})`}` },
        name,
        make("span", { class: "amount", text: `${shortCount(requestCount)} · ${sizeText(size)}` }),
        bar,
      );
    }),
  );
}
