import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import type { Site } from "../../sites/site.ts";
import type { SiteRegistry } from "../../sites/site-registry.ts";
import { type Call, defineCall, type RefusalDoc } from "../call.ts";
import { maySee } from "../caller.ts";
import { mergePatch } from "../merge-patch.ts";
import { sentSiteSchema, withoutSecrets } from "../sent-site.ts";
import { noSuchSite, type SiteChanges } from "../site-changes.ts";
import { keyAfter, pageOf, pagingAnswer, pagingQuery } from "./paging.ts";

/** What the calls about sites speak to. */
export interface SiteCallsDeps {
  sites: Pick<SiteRegistry, "byName" | "list">;
  changes: SiteChanges;
}

/** The path parameter of every call about one site. */
export const siteParams = { name: sentSiteSchema.shape.name.describe("the site's name") };

/** What every call about one site may be refused with. */
export const NO_SUCH_SITE: RefusalDoc = { status: 404, code: "no-such-site", when: "no site has that name" };
/** What every change of a site may be refused with. */
export const HOST_TAKEN: RefusalDoc = {
  status: 409,
  code: "host-taken",
  when: "another site answers for that host name",
};

const EXAMPLE = { name: "films", hosts: ["films.example.com"], origin: "https://origin.example.com" };
const ofName = { site: "name" };

/** Calls that list, add, show, change and remove sites. */
export function siteCalls(deps: SiteCallsDeps): Call[] {
  return [listCall(deps), addCall(deps), showCall(deps), replaceCall(deps), patchCall(deps), removeCall(deps)];
}

function listCall({ sites }: SiteCallsDeps): Call {
  return defineCall({
    ...{ id: "listSites", method: "GET", path: "/sites", area: "sites" },
    summary: "Sites by name, those that the key is for",
    ...{ scope: "sites:read", reach: "visible sites" },
    query: pagingQuery,
    answers: { 200: { description: "sites", schema: z.object({ sites: z.array(sentSiteSchema), ...pagingAnswer }) } },
    handle: ({ query: { limit, cursor }, caller }) => {
      const after = keyAfter(cursor) ?? "";
      const visible = sites.list().filter(({ name }) => maySee(caller, name) && name > after);
      const { items, next } = pageOf(visible.sort(byName), limit, ({ name }) => name);
      return { json: { sites: items.map(withoutSecrets), ...next } };
    },
  });
}

function addCall({ changes }: SiteCallsDeps): Call {
  return defineCall({
    ...{ id: "addSite", method: "POST", path: "/sites", area: "sites" },
    summary: "Put a website behind the network",
    ...{ scope: "sites:write", reach: "visible sites", isVersioned: true },
    ...{ body: sentSiteSchema, bodyExample: EXAMPLE },
    answers: { 201: { description: "the site, with every setting", schema: sentSiteSchema } },
    refusals: [HOST_TAKEN, { status: 409, code: "site-exists", when: "a site of that name is there already" }],
    handle: async (context) => {
      const { name } = context.body;
      // Said whether or not there is such a site: a bound key learns nothing of others.
      if (!maySee(context.caller, name)) {
        throw new NesonError("not-allowed", `this key is not for a site named ${name}`, { fault: "caller" });
      }
      const wanted = (former: unknown) => {
        if (former === undefined) return context.body;
        const message = `there is a site ${name} already; change it with PATCH /api/v1/sites/${name}`;
        throw new NesonError("site-exists", message, { fault: "caller" });
      };
      const { site } = await changes.change({ name, wanted }, context);
      return { ...answerOf(site, 201), headers: { Location: `/api/v1/sites/${name}` } };
    },
  });
}

function showCall({ sites }: SiteCallsDeps): Call {
  return defineCall({
    ...{ id: "getSite", method: "GET", path: "/sites/{name}", area: "sites" },
    summary: "One site with every setting",
    ...{ scope: "sites:read", reach: ofName, params: siteParams, isVersioned: true },
    answers: { 200: { description: "the site", schema: sentSiteSchema } },
    refusals: [NO_SUCH_SITE],
    handle: ({ params: { name } }) => {
      const site = sites.byName(name);
      if (site === undefined) throw noSuchSite(name);
      return answerOf(site);
    },
  });
}

function replaceCall({ changes }: SiteCallsDeps): Call {
  return defineCall({
    ...{ id: "putSite", method: "PUT", path: "/sites/{name}", area: "sites" },
    summary: "Replace a site as a whole, or add it",
    about: "What is left out gets its default. With If-None-Match: * it only adds.",
    ...{ scope: "sites:write", reach: ofName, params: siteParams, isVersioned: true },
    ...{ body: sentSiteSchema, bodyExample: EXAMPLE },
    answers: {
      200: { description: "the site as it is now", schema: sentSiteSchema },
      201: { description: "the site, which is new", schema: sentSiteSchema },
    },
    refusals: [HOST_TAKEN],
    handle: async (context) => {
      const { name } = context.params;
      const { site, isNew } = await changes.change({ name, wanted: () => context.body }, context);
      return answerOf(site, isNew ? 201 : 200);
    },
  });
}

function patchCall({ changes }: SiteCallsDeps): Call {
  return defineCall({
    ...{ id: "patchSite", method: "PATCH", path: "/sites/{name}", area: "sites" },
    summary: "Change some settings of a site",
    about: "A JSON merge patch (RFC 7396): null sets a field back to its default, a list replaces the whole list.",
    ...{ scope: "sites:write", reach: ofName, params: siteParams, isVersioned: true },
    ...{
      body: z.looseObject({}),
      bodyType: "application/merge-patch+json",
      bodyExample: { cache: { staleIfErrorSeconds: 3600 } },
    },
    answers: { 200: { description: "the site as it is now", schema: sentSiteSchema } },
    refusals: [NO_SUCH_SITE, HOST_TAKEN],
    handle: async (context) => {
      const { name } = context.params;
      const wanted = (former: unknown) => {
        if (former === undefined) throw noSuchSite(name);
        return mergePatch(former, context.body);
      };
      return answerOf((await changes.change({ name, wanted }, context)).site);
    },
  });
}

function removeCall({ changes }: SiteCallsDeps): Call {
  return defineCall({
    ...{ id: "removeSite", method: "DELETE", path: "/sites/{name}", area: "sites" },
    summary: "Stop answering for a site, and forget what is stored for it",
    ...{ scope: "sites:write", reach: ofName, params: siteParams, isVersioned: true },
    answers: { 204: { description: "it is gone" } },
    refusals: [NO_SUCH_SITE],
    handle: async (context) => {
      await changes.remove(context.params.name, context);
      return {};
    },
  });
}

/** The site without its secrets; its version is of all of it, so that a new secret is a new version. */
function answerOf(site: Site, status = 200) {
  return { status, json: withoutSecrets(site), version: site };
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
