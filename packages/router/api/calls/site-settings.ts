import { z } from "zod";
import type { Site } from "../../sites/site.ts";
import { type Call, type CallAnswer, type CallContext, defineCall } from "../call.ts";
import { mergePatch } from "../merge-patch.ts";
import { type SentSite, sentSiteSchema, withoutSecrets } from "../sent-site.ts";
import { noSuchSite } from "../site-changes.ts";
import { HOST_TAKEN, NO_SUCH_SITE, type SiteCallsDeps, siteParams } from "./sites.ts";

/** Groups of settings that have a path of their own below their site; what a site may spend is among the calls on money. */
const GROUPS = {
  rules: "how responses reach viewers, the first rule that matches decides",
  cache: "how answers are stored and reused",
  access: "who may ask for what; the secrets of signing keys are never shown, and stay when they are left out",
  rewrite: "redirects, header fields, CORS",
  origins: "further origins and how all of them are asked: weights, health checks, retries, limits in time",
} as const;

type Group = keyof typeof GROUPS;
type Context = CallContext<unknown, unknown, unknown> & { params: { name: string } };

/** Calls on single groups of a site's settings: `/sites/{name}/rules` and the like. */
export function siteSettingsCalls(deps: SiteCallsDeps): Call[] {
  return (Object.keys(GROUPS) as Group[]).flatMap((group) => groupCalls(group, deps));
}

function groupCalls(group: Group, deps: SiteCallsDeps): Call[] {
  const schema: z.ZodType = sentSiteSchema.shape[group];
  const noun = group === "rules" ? "rules" : `${group === "origins" ? "origin" : group} settings`;
  const title = `${group[0]?.toUpperCase()}${group.slice(1)}`;
  const common = {
    path: `/sites/{name}/${group}`,
    area: "sites",
    reach: { site: "name" },
    isVersioned: true,
    params: siteParams,
  };
  const answers = { 200: { description: `the ${noun} as they are now`, schema } };
  const show = defineCall({
    ...{ ...common, id: `get${title}`, method: "GET", scope: "sites:read", answers },
    summary: `A site's ${noun}`,
    about: `What they say: ${GROUPS[group]}.`,
    refusals: [NO_SUCH_SITE],
    handle: ({ params: { name } }) => {
      const site = deps.sites.byName(name);
      if (site === undefined) throw noSuchSite(name);
      return answerOf(site, group);
    },
  });
  const change = (context: Context, settingsOf: (former: SentSite) => unknown) =>
    changed(group, context, settingsOf, deps);
  const replace = defineCall({
    ...{ ...common, id: `put${title}`, method: "PUT", scope: "sites:write", answers, body: schema },
    summary: `Replace a site's ${noun}`,
    refusals: [NO_SUCH_SITE, HOST_TAKEN],
    handle: (context) => change(context, () => context.body),
  });
  if (group === "rules") return [show, replace];
  const patch = defineCall({
    ...{ ...common, id: `patch${title}`, method: "PATCH", scope: "sites:write", answers },
    summary: `Change some of a site's ${noun}`,
    about: "A JSON merge patch (RFC 7396).",
    ...{ body: z.looseObject({}), bodyType: "application/merge-patch+json" },
    refusals: [NO_SUCH_SITE, HOST_TAKEN],
    handle: (context) => change(context, (former) => mergePatch(former[group], context.body)),
  });
  return [show, replace, patch];
}

async function changed(
  group: Group,
  context: Context,
  settingsOf: (former: SentSite) => unknown,
  { changes }: SiteCallsDeps,
): Promise<CallAnswer> {
  const { name } = context.params;
  const wanted = (former: SentSite | undefined) => {
    if (former === undefined) throw noSuchSite(name);
    return { ...former, [group]: settingsOf(former) };
  };
  const { site } = await changes.change({ name, wanted, versionOf: (former) => former[group] }, context);
  return answerOf(site, group);
}

function answerOf(site: Site, group: Group): CallAnswer {
  return { json: withoutSecrets(site)[group], version: site[group] };
}
