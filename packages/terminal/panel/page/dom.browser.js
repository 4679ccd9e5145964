// Elements without markup: every text goes through textContent, so nothing that a Router or a site wrote can become code.

export const byId = (id) => document.getElementById(id);

/** An HTML element. `text` sets its text, `vars` its custom properties; the rest are attributes; undefined ones are left out. */
export function make(name, attributes = {}, ...children) {
  return fitOut(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function draw(name, attributes = {}, ...children) {
  return fitOut(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fitOut(element, { text, vars = {}, ...attributes }, children) {
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  for (const [key, value] of Object.entries(vars)) element.style.setProperty(key, value);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** Changes a text only when it is another one, so that screen readers and selections are left alone. */
export function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

const drawnFor = new Map();

/** Calls `redraw` only when what it draws from, or its room, has changed since the last time. */
export function whenChanged(id, facts, redraw) {
  const box = byId(id);
  const key = JSON.stringify([facts, box.clientWidth, box.clientHeight]);
  if (drawnFor.get(id) === key) return;
  drawnFor.set(id, key);
  redraw(box);
}

/** How far a gauge is filled; the least is seen too, nothing is not. */
export function sharesOf(share) {
  return { "--share": `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`, "--least": share > 0 ? "4px" : "0px" };
}
