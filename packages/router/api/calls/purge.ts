import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import type { PurgeJob } from "../../purge/purge-tables.ts";
import type { Purger } from "../../purge/purger.ts";
import { purgeOrderOf } from "../../purge/target.ts";
import type { SiteRegistry } from "../../sites/site-registry.ts";
import { type Call, defineCall, type RefusalDoc } from "../call.ts";
import { namedSchema } from "../named-schema.ts";
import { noSuchSite } from "../site-changes.ts";
import { jobParams, placeAfter, placeOf } from "./jobs.ts";
import { pageOf, pagingAnswer, pagingQuery } from "./paging.ts";
import { NO_SUCH_SITE, siteParams } from "./sites.ts";

/** What the calls about purges speak to. */
export interface PurgeCallsDeps {
  sites: Pick<SiteRegistry, "byName">;
  purger: Pick<Purger, "purge" | "find" | "list">;
}

const text = z.string().min(1).max(16_384);
const count = z.number().int().nonnegative();

/** A purge as it is shown. */
export const purgeSchema = namedSchema(
  "Purge",
  z.object({
    id: z.string(),
    by: z.enum(["url", "path", "prefix", "tag", "site"]).describe("`path` is a URL with every query"),
    value: z.string().describe("what is compared: a cache key, the beginning of one, or a tag"),
    mode: z.enum(["hard", "soft"]),
    state: z.enum(["running", "done"]),
    acceptedAt: z.iso.datetime().describe("from this moment on nothing of it is served by this Router"),
    doneAt: z.iso.datetime().optional(),
    entries: z.object({
      found: count.describe("stored responses it was aimed at when it began"),
      removed: count.describe("removed so far, or made stale by a soft purge"),
    }),
    objects: count.describe("bodies whose bytes went, since nothing else publishes them"),
    terminals: z.object({
      told: count.describe("Terminals that held some of it, or may have, when they were told"),
      acknowledged: count.describe("serve none of it any more, and said so"),
      silent: count.describe("did not say so within seconds; they are told again"),
      absent: count.describe("lost their connection before; they are told as they come back"),
    }),
  }),
);

const EXAMPLE = {
  ...{ id: "1d9f0c1e-8a55-4e1b-9d55-0b0f0f2a7c11", by: "prefix", value: "/img/", mode: "hard", state: "done" },
  ...{ acceptedAt: "2026-03-01T10:00:00.000Z", doneAt: "2026-03-01T10:00:00.412Z" },
  ...{ entries: { found: 812, removed: 812 }, objects: 790 },
  terminals: { told: 5, acknowledged: 4, silent: 1, absent: 0 },
};

const BAD_TARGET: RefusalDoc = {
  status: 400,
  code: "bad-target",
  when: "not exactly one of url, prefix, tag and all is given, or it is not the site's",
};

/** Calls that purge, and tell how far purges are. */
export function purgeCalls(deps: PurgeCallsDeps): Call[] {
  return [startCall(deps), showCall(deps), listCall(deps)];
}

function startCall({ sites, purger }: PurgeCallsDeps): Call {
  return defineCall({
    ...{ id: "startPurge", method: "POST", path: "/sites/{name}/purges", area: "purge" },
    summary: "Take stored responses out of this Router and every Terminal",
    about:
      "In effect when it is answered: what the Router had stored is not served any more. Terminals are told at once; `terminals` of the job says how many " +
      "have confirmed. URLs are compared as clients send them, with what of the query counts for the site.",
    ...{ scope: "purge", reach: { site: "name" }, params: siteParams },
    body: z.strictObject({
      url: text.optional().describe("one URL of the site, or what follows its host; all variants of it"),
      anyQuery: z.boolean().optional().describe("with `url`: whatever its query"),
      prefix: text.optional().describe("everything whose URL begins so"),
      tag: text.max(256).optional().describe("everything that carries it in Cache-Tag or Surrogate-Key"),
      all: z.literal(true).optional().describe("everything of the site"),
      soft: z
        .boolean()
        .optional()
        .describe("make it stale instead: it is served again once the origin has confirmed it"),
    }),
    bodyExample: { prefix: "/img/" },
    answers: {
      202: {
        description: "the purge, which is in effect and being carried out",
        schema: purgeSchema,
        example: EXAMPLE,
      },
    },
    refusals: [NO_SUCH_SITE, BAD_TARGET],
    handle: async ({ params: { name }, body, note }) => {
      const site = sites.byName(name);
      if (site === undefined) throw noSuchSite(name);
      const { url, prefix, tag, all, soft, anyQuery } = body;
      const order = purgeOrderOf(site, { url, prefix, tag, isAll: all, isSoft: soft, isAnyQuery: anyQuery });
      const job = await purger.purge(order);
      note({ summary: `purge ${job.id}: ${order.mode}, ${order.by} ${order.value}`.trim().slice(0, 500) });
      return { status: 202, json: shown(job), headers: { Location: `/api/v1/sites/${name}/purges/${job.id}` } };
    },
  });
}

function showCall({ purger }: PurgeCallsDeps): Call {
  return defineCall({
    ...{ id: "getPurge", method: "GET", path: "/sites/{name}/purges/{id}", area: "purge" },
    summary: "How far a purge is",
    ...{ scope: "purge", reach: { site: "name" }, params: { ...siteParams, ...jobParams } },
    answers: { 200: { description: "the purge", schema: purgeSchema, example: EXAMPLE } },
    refusals: [
      { status: 404, code: "no-such-purge", when: "the site has no purge of that id, or it is over a month old" },
    ],
    handle: async ({ params: { name, id } }) => {
      const job = await purger.find(name, id);
      if (job !== undefined) return { json: shown(job) };
      throw new NesonError("no-such-purge", `site ${name} has no purge ${id}`, { fault: "caller" });
    },
  });
}

function listCall({ purger }: PurgeCallsDeps): Call {
  return defineCall({
    ...{ id: "listPurges", method: "GET", path: "/sites/{name}/purges", area: "purge" },
    summary: "A site's purges of the last month, newest first",
    ...{ scope: "purge", reach: { site: "name" }, params: siteParams, query: pagingQuery },
    answers: { 200: { description: "purges", schema: z.object({ purges: z.array(purgeSchema), ...pagingAnswer }) } },
    handle: async ({ params: { name }, query: { limit, cursor } }) => {
      const { items, next } = pageOf(await purger.list(name, limit + 1, placeAfter(cursor)), limit, placeOf);
      return { json: { purges: items.map(shown), ...next } };
    },
  });
}

function shown(job: PurgeJob): z.input<typeof purgeSchema> {
  const { id, order, acceptedAtMs, doneAtMs, found, entries, objects, terminals, unconfirmed, absent } = job;
  const acknowledged = terminals - unconfirmed - absent;
  return {
    ...{ id, by: order.by, value: order.value, mode: order.mode, state: doneAtMs === undefined ? "running" : "done" },
    acceptedAt: new Date(acceptedAtMs).toISOString(),
    ...(doneAtMs === undefined ? {} : { doneAt: new Date(doneAtMs).toISOString() }),
    entries: { found, removed: entries },
    objects,
    terminals: { told: terminals, acknowledged, silent: unconfirmed, absent },
  };
}
