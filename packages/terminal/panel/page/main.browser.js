// Reads the status each second and has it drawn.
import { offerCalls } from "./calls.browser.js";
import { byId, say } from "./dom.browser.js";
import { durationText, timeText } from "./format.browser.js";
import { showMachine, showProgram, showState, showWarnings } from "./machine-view.browser.js";
import { showStanding } from "./standing-view.browser.js";
import { showStorage } from "./storage-view.browser.js";
import { showTraffic } from "./traffic-view.browser.js";

const EVERY_MS = 1000;
/** Nobody looks. */
const HIDDEN_EVERY_MS = 15_000;
const ANSWER_MS = 4000;

let status = JSON.parse(byId("status").textContent);
let heardAtMs = Date.now();

function show() {
  showState(status);
  showWarnings(status);
  showTraffic(status);
  showStanding(status);
  showStorage(status);
  showMachine(status);
  showProgram(status);
}

function showGone(isGone) {
  document.body.classList.toggle("is-gone", isGone);
  const note = byId("gone");
  note.hidden = !isGone;
  if (!isGone) return;
  const since = durationText((Date.now() - heardAtMs) / 1000);
  const what = status.isLeaving ? "This Terminal has left" : `This Terminal has not answered for ${since}`;
  const text = `${what}. What you see is from ${timeText(heardAtMs)}. Start it with: neson terminal run`;
  say("gone", text);
  say("state-text", "Not answering");
}

async function look() {
  try {
    const response = await fetch("/api/status", { signal: AbortSignal.timeout(ANSWER_MS), cache: "no-store" });
    if (!response.ok) throw new Error(`status ${response.status}`);
    status = await response.json();
    heardAtMs = Date.now();
    showGone(false);
    show();
  } catch {
    showGone(true);
  }
}

let timer;
async function lookOn() {
  clearTimeout(timer);
  await look();
  clearTimeout(timer);
  timer = setTimeout(lookOn, document.hidden ? HIDDEN_EVERY_MS : EVERY_MS);
}

show();
offerCalls(() => status);
document.body.classList.add("is-drawn");
new ResizeObserver(show).observe(byId("main"));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) lookOn();
});
timer = setTimeout(lookOn, EVERY_MS);
