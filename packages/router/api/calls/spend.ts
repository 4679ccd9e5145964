import { z } from "zod";
import type { Db } from "../../db/database.ts";
import { spendSettingsSchema } from "../../sites/spend-settings.ts";
import { type Alert, alertsOf } from "../../spend/alert-tables.ts";
import { moneyText } from "../../spend/cost.ts";
import type { SpendGuard } from "../../spend/guard.ts";
import type { WebhookSecrets } from "../../spend/webhook-secrets.ts";
import { type Call, type CallContext, defineCall } from "../call.ts";
import { mergePatch } from "../merge-patch.ts";
import { namedSchema } from "../named-schema.ts";
import type { SentSite } from "../sent-site.ts";
import { noSuchSite } from "../site-changes.ts";
import { NO_SUCH_SITE, type SiteCallsDeps, siteParams } from "./sites.ts";

const MAX_ALERTS = 200;

/** What the calls about spending speak to. */
export interface SpendCallsDeps extends SiteCallsDeps {
  guard: Pick<SpendGuard, "judge">;
  secrets: Pick<WebhookSecrets, "rotate">;
  db: Db;
}

type Context = CallContext<unknown, unknown, unknown> & { params: { name: string } };

/** An alert as the API shows it. */
export const alertSchema = namedSchema(
  "Alert",
  z.object({
    id: z.string().describe('the message\'s `webhook-id` is "msg_" and this'),
    at: z.iso.datetime(),
    month: z.string(),
    percent: z.number().int().describe("share of the cap that was reached"),
    cost: z.string(),
    cap: z.string(),
    attempts: z.number().int().describe("at posting it to the webhook"),
    deliveredAt: z.iso.datetime().optional(),
    lastError: z.string().optional(),
  }),
);

const common = { area: "spend", reach: { site: "name" }, params: siteParams } as const;
const path = "/sites/{name}/spend";
const EXAMPLE = { cap: { amount: "120", atLimit: "router-only" }, alertPercents: [80, 100] };

/** Calls on what a site may cost, and who is told. */
export function spendCalls(deps: SpendCallsDeps): Call[] {
  return [showCall(deps), ...changeCalls(deps), alertsCall(deps), secretCall(deps)];
}

function showCall({ sites }: SpendCallsDeps): Call {
  return defineCall({
    ...{ ...common, id: "getSpend", method: "GET", path, scope: "usage:read", isVersioned: true },
    summary: "What a site may cost in a month, what happens then, and who is told",
    answers: { 200: { description: "the settings", schema: spendSettingsSchema } },
    refusals: [NO_SUCH_SITE],
    handle: ({ params: { name } }) => {
      const site = sites.byName(name);
      if (site === undefined) throw noSuchSite(name);
      return { json: site.spend };
    },
  });
}

function changeCalls(deps: SpendCallsDeps): Call[] {
  const answers = { 200: { description: "the settings as they are now", schema: spendSettingsSchema } };
  return [
    defineCall({
      ...{ ...common, id: "putSpend", method: "PUT", path, scope: "spend:write", isVersioned: true, answers },
      summary: "Replace what a site may cost, what happens then, and who is told",
      about: "Heeded by this Router at once, by others within 15 s.",
      ...{ body: spendSettingsSchema, bodyExample: EXAMPLE, refusals: [NO_SUCH_SITE] },
      handle: (context) => changed(context, () => context.body, deps),
    }),
    defineCall({
      ...{ ...common, id: "patchSpend", method: "PATCH", path, scope: "spend:write", isVersioned: true, answers },
      summary: "Change some of what a site may cost, what happens then, and who is told",
      about: "A JSON merge patch (RFC 7396): null takes a cap or a webhook away.",
      ...{ body: z.looseObject({}), bodyType: "application/merge-patch+json", bodyExample: { cap: null } },
      refusals: [NO_SUCH_SITE],
      handle: (context) => changed(context, (former) => mergePatch(former.spend, context.body), deps),
    }),
  ];
}

async function changed(context: Context, spendOf: (former: SentSite) => unknown, { changes, guard }: SpendCallsDeps) {
  const { name } = context.params;
  const wanted = (former: SentSite | undefined) => {
    if (former === undefined) throw noSuchSite(name);
    return { ...former, spend: spendOf(former) };
  };
  const { site } = await changes.change({ name, wanted, versionOf: ({ spend }) => spend }, context);
  await guard.judge([name]);
  return { json: site.spend };
}

function alertsCall({ sites, db }: SpendCallsDeps): Call {
  return defineCall({
    ...{ ...common, id: "listAlerts", method: "GET", path: "/sites/{name}/alerts", scope: "usage:read" },
    summary: "Alerts about what a site costs, newest first",
    about: "Kept for a year. Each share of a cap is told once a month.",
    query: {
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(MAX_ALERTS)
        .default(50)
        .describe(`how many at most, 1 to ${MAX_ALERTS}`),
    },
    answers: { 200: { description: "alerts", schema: z.object({ alerts: z.array(alertSchema) }) } },
    refusals: [NO_SUCH_SITE],
    handle: async ({ params: { name }, query: { limit } }) => {
      if (sites.byName(name) === undefined) throw noSuchSite(name);
      return { json: { alerts: (await alertsOf(db, name, limit)).map(alertJson) } };
    },
  });
}

function secretCall({ sites, secrets }: SpendCallsDeps): Call {
  return defineCall({
    ...{ ...common, id: "rotateWebhookSecret", method: "POST", path: "/sites/{name}/webhook-secret" },
    ...{ scope: "spend:write", showsSecret: true },
    summary: "A new secret by which alerts posted to the webhook are signed",
    about: "As Standard Webhooks 1.0 says. For a day messages are signed with the former secret too.",
    answers: { 200: { description: "the secret, shown this once", schema: z.object({ secret: z.string() }) } },
    refusals: [NO_SUCH_SITE],
    handle: async ({ params: { name }, note }) => {
      if (sites.byName(name) === undefined) throw noSuchSite(name);
      note({ summary: "the webhook's secret" });
      return { json: { secret: await secrets.rotate(name) } };
    },
  });
}

function alertJson({ id, createdAtMs, month, percent, costMicros, capMicros, attempts, ...rest }: Alert) {
  return {
    ...{ id, at: isoOf(createdAtMs), month, percent, cost: moneyText(costMicros), cap: moneyText(capMicros), attempts },
    ...(rest.deliveredAtMs !== undefined && { deliveredAt: isoOf(rest.deliveredAtMs) }),
    ...(rest.lastError !== undefined && { lastError: rest.lastError }),
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
