import type { alertSchema } from "@neson/router/api/calls/spend";
import type { billSchema } from "@neson/router/api/calls/usage";
import type { SpendSettings } from "@neson/router/sites/spend-settings";
import type { z } from "zod";
import { textFacts, textTable } from "./text-table.ts";
import { bytesText } from "./up/live-table.ts";

/** What is known of a site's spending. */
export interface CapFacts {
  usage: z.output<typeof billSchema>;
  spend: SpendSettings;
  alerts: z.output<typeof alertSchema>[];
}

const STATES = {
  open: "open",
  "router-only": "the cap is reached: served by Routers alone, nothing more is charged",
  stopped: "the cap is reached: answered 509 until the month ends",
};

/** A site's month in money, for people. */
export function capText({ usage, spend, alerts }: CapFacts): string {
  const { cap, alertPercents, webhook } = spend;
  const share = cap === undefined ? "" : ` of ${cap.amount} (${shareText(usage.cost, cap.amount)})`;
  const limit = cap?.atLimit === "stop" ? "answer 509" : "use Routers alone";
  const percents = alertPercents.map((percent) => `${percent} %`).join(", ") || "none";
  const facts = textFacts([
    ["site", usage.site],
    ["month", `${usage.month} (UTC)`],
    ["used", `${bytesText(usage.terminalBytes)} by Terminals, ${bytesText(usage.routerBytes)} by Routers`],
    ["requests", usage.requests.toLocaleString("en-US")],
    ["cost", `${usage.cost}${share}`],
    ["forecast", usage.forecast ?? "none yet"],
    ["prices", `${usage.prices.terminalGb} by Terminals, ${usage.prices.routerGb} by Routers, for 10^9 bytes`],
    ["cap", cap === undefined ? "none" : `${cap.amount}; at the cap: ${limit}`],
    ["alerts at", cap === undefined ? "never: there is no cap" : percents],
    ["webhook", webhook ?? "none"],
    ["state", STATES[usage.state]],
  ]);
  if (alerts.length === 0) return facts;
  const rows = alerts.map(({ at, percent, cost, cap: of, deliveredAt, attempts, lastError }) => [
    `${at.slice(0, 16).replace("T", " ")}`,
    `${percent} %`,
    `${cost} of ${of}`,
    deliveredAt === undefined ? (lastError ?? "not sent yet") : `delivered, try ${attempts}`,
  ]);
  return `${facts}\n${textTable(["alert", "at", "cost", "webhook"], rows)}`;
}

function shareText(cost: string, cap: string): string {
  return Number(cap) === 0 ? "100 %" : `${((Number(cost) / Number(cap)) * 100).toFixed(1)} %`;
}
