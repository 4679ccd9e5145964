// What the operator can change here. It needs the token, which came behind the # of the link that opened this page.
import { byId, say } from "./dom.browser.js";
import { sizeText } from "./format.browser.js";

const GIB = 1024 ** 3;
const PLACE = "neson-panel-token";

/** The token, kept for reloads of this tab; taken out of the address, so that it is not copied along with it. */
function takeToken() {
  const given = /^#token=([A-Za-z0-9_-]{1,200})$/.exec(location.hash)?.[1];
  if (given !== undefined) {
    sessionStorage.setItem(PLACE, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(PLACE);
}

async function call(name, body, token) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  const response = await fetch(`/api/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (response.ok) return answer;
  throw new Error(answer.error?.message ?? `status ${response.status}`);
}

/** Asks before what cannot be taken back. */
function confirmed(title, text, yes) {
  const ask = byId("ask");
  say("ask-title", title);
  say("ask-text", text);
  say("ask-yes", yes);
  ask.returnValue = "no";
  ask.showModal();
  return new Promise((resolve) => {
    ask.addEventListener("close", () => resolve(ask.returnValue === "yes"), { once: true });
  });
}

/** Shows the controls when there is a token, and lets them work. `read` gives the latest status. */
export function offerCalls(read) {
  const token = takeToken();
  if (token === null) return;
  document.body.classList.add("may-change");
  byId("controls").hidden = false;
  byId("read-only").hidden = true;
  const run = async (doing, name, body, done) => {
    say("outcome", doing);
    try {
      say("outcome", done(await call(name, body, token)));
    } catch (error) {
      say("outcome", `It did not work: ${error.message}`);
    }
  };
  byId("quota").value = String(Number((read().storage.quotaBytes / GIB).toFixed(2)));
  byId("quota-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const bytes = Math.round(Number(byId("quota").value) * GIB);
    run("Setting the quota…", "quota", { bytes }, () => `The quota is ${sizeText(bytes)} now.`);
  });
  byId("withdraw").addEventListener("click", async () => {
    const text = `All ${sizeText(read().storage.usedBytes)} are deleted. The Terminal goes on and is filled again as viewers ask.`;
    if (!(await confirmed("Delete all objects?", text, "Delete them"))) return;
    run("Deleting…", "withdraw-storage", {}, ({ freedBytes }) => `${sizeText(freedBytes)} were freed.`);
  });
  byId("leave").addEventListener("click", async () => {
    const text = "It finishes what is open, settles its claims, and ends. What is stored stays on the disk.";
    if (!(await confirmed("Leave the network?", text, "Leave"))) return;
    run("Leaving: finishing what is open…", "leave", {}, () => "It has left.");
  });
  byId("update").addEventListener("click", ({ target }) => {
    const { version } = target.dataset;
    if (version === undefined) return;
    run("Agreed…", "update", { version }, () => `Agreed to ${version}; the update runs now.`);
  });
}
