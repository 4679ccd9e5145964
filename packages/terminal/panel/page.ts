import { createHash } from "node:crypto";
import callsScript from "./page/calls.browser.js" with { type: "text" };
import cardsStyle from "./page/cards.css" with { type: "text" };
import chartsScript from "./page/charts.browser.js" with { type: "text" };
import chartsStyle from "./page/charts.css" with { type: "text" };
import documentFile from "./page/document.html" with { type: "text" };
import domScript from "./page/dom.browser.js" with { type: "text" };
import formatScript from "./page/format.browser.js" with { type: "text" };
import machineScript from "./page/machine-view.browser.js" with { type: "text" };
import mainScript from "./page/main.browser.js" with { type: "text" };
import narrowStyle from "./page/narrow.css" with { type: "text" };
import standingScript from "./page/standing-view.browser.js" with { type: "text" };
import storageScript from "./page/storage-view.browser.js" with { type: "text" };
import baseStyle from "./page/style.css" with { type: "text" };
import tipsScript from "./page/tips.browser.js" with { type: "text" };
import trafficScript from "./page/traffic-view.browser.js" with { type: "text" };
import treemapScript from "./page/treemap.browser.js" with { type: "text" };
import { joinScripts } from "./page-script.ts";
import type { Status } from "./status.ts";

/** What is imported comes before what imports it. */
const SCRIPTS = [
  { name: "./format.browser.js", text: formatScript },
  { name: "./dom.browser.js", text: domScript },
  { name: "./tips.browser.js", text: tipsScript },
  { name: "./charts.browser.js", text: chartsScript },
  { name: "./treemap.browser.js", text: treemapScript },
  { name: "./traffic-view.browser.js", text: trafficScript },
  { name: "./standing-view.browser.js", text: standingScript },
  { name: "./storage-view.browser.js", text: storageScript },
  { name: "./machine-view.browser.js", text: machineScript },
  { name: "./calls.browser.js", text: callsScript },
  { name: "./main.browser.js", text: mainScript },
];

/** The panel's page. */
export interface Page {
  /** The document with that status in it, so that its first picture is complete. */
  answer(status: Status): Response;
}

/** Puts the page together: one document that asks nobody else for anything, and a policy (CSP level 3) that holds it to that. */
export function createPage(): Page {
  const style = [baseStyle, chartsStyle, cardsStyle, narrowStyle].join("\n");
  const script = joinScripts(SCRIPTS);
  // Bun types an imported .html file as a bundle; with { type: "text" } it is its text.
  const documentText = documentFile as unknown as string;
  const styled = fill(documentText, "<style>", style, "</style>");
  const whole = fill(styled, "<script>", script, "</script>");
  const [before, after] = around(whole, '<script type="application/json" id="status">', "</script>");
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": policyFor(style, script),
  };
  return {
    answer: (status) => {
      // Within a script element only "<" could end it.
      const json = JSON.stringify(status).replaceAll("<", "\\u003c");
      return new Response(before + json + after, { headers });
    },
  };
}

function policyFor(style: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function fill(text: string, open: string, content: string, close: string): string {
  const [before, after] = around(text, open, close);
  return before + content + after;
}

/** The text up to the end of `open`, and from the next `close` on. */
function around(text: string, open: string, close: string): [string, string] {
  const start = text.indexOf(open) + open.length;
  return [text.slice(0, start), text.slice(text.indexOf(close, start))];
}
