import type { Clock } from "@neson/kit/clock";
import { z } from "zod";
import type { Db } from "../../db/database.ts";
import { type Bill, billOf } from "../../spend/bill.ts";
import { moneyText, type Prices } from "../../spend/cost.ts";
import type { SpendGuard, Spending } from "../../spend/guard.ts";
import { utcMonthOf } from "../../spend/usage-tables.ts";
import { type Call, defineCall } from "../call.ts";
import { maySee } from "../caller.ts";
import { namedSchema } from "../named-schema.ts";
import { noSuchSite } from "../site-changes.ts";
import { keyAfter, pageOf, pagingAnswer, pagingQuery } from "./paging.ts";
import { NO_SUCH_SITE, type SiteCallsDeps, siteParams } from "./sites.ts";

/** What the calls about usage speak to. */
export interface UsageCallsDeps {
  sites: SiteCallsDeps["sites"];
  guard: Pick<SpendGuard, "spending" | "spendingOfAll">;
  prices: Prices;
  db: Db;
  clock: Clock;
}

const monthQuery = {
  month: z
    .string()
    .regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'a UTC month such as "2026-11"')
    .optional()
    .describe('a UTC month such as "2026-11"; this one when absent'),
};

const money = z.string().describe('"12.50", in the currency of the network\'s prices');
const used = {
  requests: z.number().int(),
  routerBytes: z.number().int().describe("body bytes that Routers sent"),
  terminalBytes: z.number().int().describe("body bytes that Terminals were found to be owed for"),
  price: money.describe("what the usage costs without a cap"),
};

const siteUsage = namedSchema(
  "Usage",
  z.object({
    ...{ site: z.string(), month: z.string(), ...used },
    cost: money.describe("what is charged: the price, and never more than the cap"),
    cap: money.optional(),
    state: z
      .enum(["open", "router-only", "stopped"])
      .describe("what the cap has led to: `router-only` without Terminals, `stopped` answers 509"),
  }),
);

/** A site's month, day by day. */
export const billSchema = namedSchema(
  "Bill",
  z.object({
    ...siteUsage.shape,
    forecast: money.optional().describe("what the month will cost if it goes on so; absent for other months"),
    prices: z.object({ terminalGb: money, routerGb: money }).describe("for 10^9 bytes"),
    days: z
      .array(z.object({ day: z.iso.date(), ...used }))
      .describe("days on which something was used; written every 5 s"),
  }),
);

/** Calls on what sites used and what it costs. */
export function usageCalls(deps: UsageCallsDeps): Call[] {
  return [listCall(deps), billCall(deps)];
}

function listCall({ sites, guard, clock }: UsageCallsDeps): Call {
  return defineCall({
    ...{ id: "listUsage", method: "GET", path: "/usage", area: "spend" },
    summary: "What each site used and costs in a month",
    ...{ scope: "usage:read", reach: "visible sites" },
    query: { ...monthQuery, ...pagingQuery },
    answers: {
      200: { description: "sites by name", schema: z.object({ usage: z.array(siteUsage), ...pagingAnswer }) },
    },
    handle: async ({ query: { month, limit, cursor }, caller }) => {
      const after = keyAfter(cursor) ?? "";
      const visible = sites.list().filter(({ name }) => maySee(caller, name) && name > after);
      const sorted = visible.sort((a, b) => (a.name < b.name ? -1 : 1));
      const { items, next } = pageOf(sorted, limit, ({ name }) => name);
      const spendings = await guard.spendingOfAll(items, month ?? utcMonthOf(clock.nowMs()));
      const usage = spendings.map((spending, index) => usageOf(items[index]?.name ?? "", spending));
      return { json: { usage, ...next } };
    },
  });
}

function billCall(deps: UsageCallsDeps): Call {
  const { sites, prices, clock } = deps;
  return defineCall({
    ...{ id: "getUsage", method: "GET", path: "/sites/{name}/usage", area: "spend" },
    summary: "What a site used and costs in a month, day by day",
    about: "A month that is over is charged under the cap that it ended with.",
    ...{ scope: "usage:read", reach: { site: "name" }, params: siteParams, query: monthQuery },
    answers: { 200: { description: "the month", schema: billSchema } },
    refusals: [NO_SUCH_SITE],
    handle: async ({ params: { name }, query: { month } }) => {
      const site = sites.byName(name);
      if (site === undefined) throw noSuchSite(name);
      return { json: billJson(name, await billOf(site, month ?? utcMonthOf(clock.nowMs()), prices, deps), prices) };
    },
  });
}

function billJson(name: string, found: Bill, prices: Prices): z.input<typeof billSchema> {
  const { forecastMicros, days } = found;
  return {
    ...usageOf(name, found),
    ...(forecastMicros !== undefined && { forecast: moneyText(forecastMicros) }),
    prices: { terminalGb: moneyText(prices.terminalGbMicros), routerGb: moneyText(prices.routerGbMicros) },
    days: days.map(({ priceMicros, ...day }) => ({ ...day, price: moneyText(priceMicros) })),
  };
}

function usageOf(site: string, { month, usage, priceMicros, costMicros, capMicros, state }: Spending) {
  return {
    ...{ site, month, ...usage, price: moneyText(priceMicros), cost: moneyText(costMicros) },
    ...(capMicros !== undefined && { cap: moneyText(capMicros) }),
    state,
  };
}
