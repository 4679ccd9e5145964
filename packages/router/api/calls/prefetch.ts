import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import type { PrefetchJob, PrefetchTables } from "../../prefetch/prefetch-tables.ts";
import type { Prefetcher } from "../../prefetch/prefetcher.ts";
import { targetIn } from "../../purge/target.ts";
import type { SiteRegistry } from "../../sites/site-registry.ts";
import { type Call, defineCall } from "../call.ts";
import { namedSchema } from "../named-schema.ts";
import { noSuchSite } from "../site-changes.ts";
import { jobParams, placeAfter, placeOf } from "./jobs.ts";
import { pageOf, pagingAnswer, pagingQuery } from "./paging.ts";
import { NO_SUCH_SITE, siteParams } from "./sites.ts";

/** What the calls about prefetches speak to. */
export interface PrefetchCallsDeps {
  sites: Pick<SiteRegistry, "byName">;
  prefetches: Pick<PrefetchTables, "find" | "list" | "troubles">;
  prefetcher: Pick<Prefetcher, "prefetch">;
}

const MAX_URLS = 1000;
/** Troubles shown with a job. */
const MAX_TROUBLES = 100;
const count = z.number().int().nonnegative();

/** A prefetch as it is shown. */
export const prefetchSchema = namedSchema(
  "Prefetch",
  z.object({
    id: z.string(),
    state: z.enum(["running", "done"]),
    followPlaylists: z.boolean(),
    acceptedAt: z.iso.datetime(),
    doneAt: z.iso.datetime().optional(),
    targets: z.object({
      waiting: count,
      stored: count.describe("pulled, or confirmed by the origin"),
      fresh: count.describe("were stored already"),
      notStorable: count.describe("the origin's answer must not be stored for others"),
      failed: count,
    }),
    bytes: count.describe("of the bodies that are stored"),
    troubles: z
      .array(z.object({ target: z.string(), detail: z.string() }))
      .optional()
      .describe(`what is not stored and why, the first ${MAX_TROUBLES}; not in lists`),
  }),
);

const EXAMPLE = {
  ...{ id: "1d9f0c1e-8a55-4e1b-9d55-0b0f0f2a7c11", state: "done", followPlaylists: true },
  ...{ acceptedAt: "2026-03-01T10:00:00.000Z", doneAt: "2026-03-01T10:00:09.120Z" },
  targets: { waiting: 0, stored: 240, fresh: 3, notStorable: 0, failed: 1 },
  bytes: 91_200_000,
  troubles: [{ target: "/v/seg-17.ts", detail: "the origin answered 503" }],
};

/** Calls that have responses pulled ahead of demand, and tell how far that is. */
export function prefetchCalls(deps: PrefetchCallsDeps): Call[] {
  return [startCall(deps), showCall(deps), listCall(deps)];
}

function startCall({ sites, prefetcher }: PrefetchCallsDeps): Call {
  return defineCall({
    ...{ id: "startPrefetch", method: "POST", path: "/sites/{name}/prefetches", area: "prefetch" },
    summary: "Pull URLs into this Router's store, and on to Terminals, ahead of demand",
    about:
      "A few at a time, one job of a site after the other; an origin that answers 429 or 503 is left alone for a while. What rules let viewers in does not " +
      "matter here; what may be stored, and for how long, is as with any request.",
    ...{ scope: "prefetch", reach: { site: "name" }, params: siteParams },
    body: z.strictObject({
      urls: z
        .array(z.string().min(1).max(16_384))
        .min(1)
        .max(MAX_URLS)
        .describe("of the site, or what follows its host"),
      followPlaylists: z
        .boolean()
        .default(false)
        .describe("also what HLS playlists among them name, up to 10,000 in all"),
    }),
    bodyExample: { urls: ["/v/list.m3u8"], followPlaylists: true },
    answers: {
      202: {
        description: "the prefetch, which waits or is being carried out",
        schema: prefetchSchema,
        example: EXAMPLE,
      },
    },
    refusals: [NO_SUCH_SITE, { status: 400, code: "bad-target", when: "one of the URLs is none of the site's" }],
    handle: async ({ params: { name }, body: { urls, followPlaylists }, note }) => {
      const site = sites.byName(name);
      if (site === undefined) throw noSuchSite(name);
      const targets = [...new Set(urls.map((url, i) => targetIn(site, url, `urls.${i}`)))];
      const job = await prefetcher.prefetch(site, targets, followPlaylists);
      note({ summary: `prefetch ${job.id}: ${targets.length} URLs` });
      return { status: 202, json: shown(job), headers: { Location: `/api/v1/sites/${name}/prefetches/${job.id}` } };
    },
  });
}

function showCall({ prefetches }: PrefetchCallsDeps): Call {
  return defineCall({
    ...{ id: "getPrefetch", method: "GET", path: "/sites/{name}/prefetches/{id}", area: "prefetch" },
    summary: "How far a prefetch is",
    ...{ scope: "prefetch", reach: { site: "name" }, params: { ...siteParams, ...jobParams } },
    answers: { 200: { description: "the prefetch", schema: prefetchSchema, example: EXAMPLE } },
    refusals: [
      { status: 404, code: "no-such-prefetch", when: "the site has no prefetch of that id, or it is over a month old" },
    ],
    handle: async ({ params: { name, id } }) => {
      const job = await prefetches.find(name, id);
      if (job === undefined) {
        throw new NesonError("no-such-prefetch", `site ${name} has no prefetch ${id}`, { fault: "caller" });
      }
      const troubles = await prefetches.troubles(id, MAX_TROUBLES);
      return {
        json: { ...shown(job), troubles: troubles.map(({ target, detail }) => ({ target, detail: detail ?? "" })) },
      };
    },
  });
}

function listCall({ prefetches }: PrefetchCallsDeps): Call {
  return defineCall({
    ...{ id: "listPrefetches", method: "GET", path: "/sites/{name}/prefetches", area: "prefetch" },
    summary: "A site's prefetches of the last month, newest first",
    ...{ scope: "prefetch", reach: { site: "name" }, params: siteParams, query: pagingQuery },
    answers: {
      200: { description: "prefetches", schema: z.object({ prefetches: z.array(prefetchSchema), ...pagingAnswer }) },
    },
    handle: async ({ params: { name }, query: { limit, cursor } }) => {
      const { items, next } = pageOf(await prefetches.list(name, limit + 1, placeAfter(cursor)), limit, placeOf);
      return { json: { prefetches: items.map(shown), ...next } };
    },
  });
}

function shown({
  id,
  followsPlaylists,
  acceptedAtMs,
  doneAtMs,
  counts,
  bytes,
}: PrefetchJob): z.input<typeof prefetchSchema> {
  const { "not-storable": notStorable, ...others } = counts;
  return {
    ...{ id, state: doneAtMs === undefined ? "running" : "done", followPlaylists: followsPlaylists },
    acceptedAt: new Date(acceptedAtMs).toISOString(),
    ...(doneAtMs === undefined ? {} : { doneAt: new Date(doneAtMs).toISOString() }),
    targets: { ...others, notStorable },
    bytes,
  };
}
