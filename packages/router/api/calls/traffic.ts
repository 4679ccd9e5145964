import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import { STEP_NAMES, type Step, stepSeconds } from "../../traffic/figure-tables.ts";
import type { FigureReader } from "../../traffic/read-series.ts";
import { csvOf } from "../../traffic/series-csv.ts";
import { DIMENSIONS } from "../../traffic/tally.ts";
import { type Call, defineCall, type RefusalDoc } from "../call.ts";
import { namedSchema } from "../named-schema.ts";
import { badInput } from "../problem.ts";
import { noSuchSite } from "../site-changes.ts";
import { NO_SUCH_SITE, type SiteCallsDeps, siteParams } from "./sites.ts";

const DAY_SECONDS = 86_400;
/** Without a step, a span is told in at most some 400 steps. */
const USUAL_STEPS = 400;

/** What the calls about traffic speak to. */
export interface TrafficCallsDeps {
  sites: SiteCallsDeps["sites"];
  figures: FigureReader;
  clock: Clock;
}

const statsQuery = {
  from: z.iso.datetime({ offset: true }).optional().describe("begin of the span; a day before its end when absent"),
  to: z.iso.datetime({ offset: true }).optional().describe("end of the span, itself excluded; now when absent"),
  step: z
    .enum(STEP_NAMES)
    .optional()
    .describe("minutes are kept for 2 days, hours for 62 days, days for 800 days; chosen by the span when absent"),
  by: z
    .enum(DIMENSIONS)
    .default("total")
    .describe("what requests are told apart by; bytes of Terminals are known by sender and by terminal only"),
};

const figure = z.object({
  at: z.iso.datetime().describe("begin of the step"),
  value: z.string().optional().describe("of what requests are told apart by; absent for the total"),
  requests: z.number().int(),
  bytes: z.number().int().describe("body bytes"),
});

/** A site's figures over time. */
export const statsSchema = namedSchema(
  "Stats",
  z.object({
    site: z.string(),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    step: z.enum(STEP_NAMES),
    by: z.enum(DIMENSIONS),
    figures: z.array(figure).describe("steps in which something happened, oldest first"),
  }),
);

const TOO_MANY: RefusalDoc = {
  status: 400,
  code: "too-many-figures",
  when: "the span has more than 20000 figures; ask for a shorter one, or for longer steps",
};

const ABOUT =
  "Written down every five seconds. The span is widened to whole steps; steps in which nothing happened are left out. Times are UTC.";

/** Calls on how much a site is asked for. */
export function trafficCalls(deps: TrafficCallsDeps): Call[] {
  const common = {
    ...({ method: "GET", area: "traffic", scope: "stats:read", reach: { site: "name" }, about: ABOUT } as const),
    ...{ params: siteParams, query: statsQuery, refusals: [NO_SUCH_SITE, TOO_MANY] },
  };
  return [
    defineCall({
      ...{ ...common, id: "getStats", path: "/sites/{name}/stats" },
      summary: "A site's requests and bytes over time",
      answers: { 200: { description: "figures", schema: statsSchema } },
      handle: async ({ params: { name }, query }) => ({ json: await statsOf(name, query, deps) }),
    }),
    defineCall({
      ...{ ...common, id: "getStatsTable", path: "/sites/{name}/stats.csv" },
      summary: "A site's requests and bytes over time, as CSV",
      answers: { 200: { description: "RFC 4180, with a heading", form: "text/csv" } },
      handle: async ({ params: { name }, query }) => {
        const { by, figures } = await statsOf(name, query, deps);
        const disposition = `attachment; filename="${name}-${by}.csv"`;
        return {
          text: { type: "text/csv", content: csvOf(by, figures) },
          headers: { "Content-Disposition": disposition },
        };
      },
    }),
  ];
}

async function statsOf(
  site: string,
  query: z.output<z.ZodObject<typeof statsQuery>>,
  { sites, figures, clock }: TrafficCallsDeps,
): Promise<z.output<typeof statsSchema>> {
  if (sites.byName(site) === undefined) throw noSuchSite(site);
  const to = query.to === undefined ? Math.floor(clock.nowMs() / 1000) + 1 : Math.ceil(Date.parse(query.to) / 1000);
  const from = query.from === undefined ? to - DAY_SECONDS : Math.floor(Date.parse(query.from) / 1000);
  if (from >= to) {
    const allowed = "a time before the end of the span";
    throw badInput([{ field: "query.from", found: JSON.stringify(query.from ?? "nothing"), allowed }]);
  }
  const step = query.step ?? usualStep(to - from);
  const seconds = stepSeconds(step);
  const span = { from: Math.floor(from / seconds) * seconds, to: Math.ceil(to / seconds) * seconds };
  const found = await figures.read({ site, step, dimension: query.by, ...span });
  if (found === undefined) throw new NesonError("too-many-figures", TOO_MANY.when, { fault: "caller" });
  return {
    ...{ site, from: isoOf(span.from), to: isoOf(span.to), step, by: query.by },
    figures: found.map(({ startsAt, value, requests, bytes }) => ({
      at: isoOf(startsAt),
      ...(query.by !== "total" && { value }),
      ...{ requests, bytes },
    })),
  };
}

function usualStep(spanSeconds: number): Step {
  return STEP_NAMES.find((step) => spanSeconds / stepSeconds(step) <= USUAL_STEPS) ?? "day";
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
