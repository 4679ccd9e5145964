import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import { OUTCOMES } from "../../edge/trace.ts";
import type { LiveLog, LogFilter, LogLine } from "../../traffic/live-log.ts";
import { type Call, defineCall } from "../call.ts";
import { namedSchema } from "../named-schema.ts";
import { noSuchSite } from "../site-changes.ts";
import { NO_SUCH_SITE, type SiteCallsDeps, siteParams } from "./sites.ts";

/** What the calls about logs speak to. */
export interface LogCallsDeps {
  sites: SiteCallsDeps["sites"];
  live: Pick<LiveLog, "read" | "isFull">;
}

const accessRecord = namedSchema(
  "AccessRecord",
  z.object({
    time: z.iso.datetime().describe("when the request arrived"),
    site: z.string(),
    host: z.string(),
    method: z.string(),
    target: z.string(),
    httpVersion: z.string(),
    status: z.number().int(),
    bytes: z.number().int().describe("body bytes that the Router sent"),
    complete: z.boolean().describe("false when the transfer broke off"),
    durationMs: z.number().describe("to the end of the transfer"),
    answerMs: z.number().describe("until the header section was ready"),
    outcome: z.enum(OUTCOMES),
    cacheStatus: z.string().optional(),
    clientNetwork: z.string().describe("/24 or /48 that steering took the client to be in"),
    country: z.string().optional(),
    contentType: z.string().optional(),
    userAgent: z.string().optional(),
    referer: z.string().optional(),
    terminal: z.string().optional().describe("where the client was sent"),
    originMs: z.number().optional(),
    originStatus: z.number().int().optional(),
    steps: z.array(z.string()).describe("what was decided and why, in order"),
  }),
);

/** One line of a live log. */
export const logLineSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("request"), request: accessRecord }),
  z.object({ type: z.literal("dropped"), count: z.number().int().describe("records the reader was too slow for") }),
  z.object({ type: z.literal("heartbeat") }),
]);

const logQuery = {
  status: z
    .string()
    .regex(/^[1-5](xx|\d\d)$/, 'a status such as "404", or a class such as "5xx"')
    .optional()
    .describe('a status such as "404", or a class such as "5xx"'),
  outcome: z.enum(OUTCOMES).optional(),
  path: z.string().max(1024).regex(/^\//, 'a path that begins with "/"').optional().describe("beginning of the path"),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'two capital letters, such as "DE"')
    .optional(),
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/, "a method in capital letters, such as GET")
    .optional(),
};

/** The call that shows a site's requests as they end. */
export function logCalls({ sites, live }: LogCallsDeps): Call[] {
  return [
    defineCall({
      ...{ id: "readLog", method: "GET", path: "/sites/{name}/logs", area: "traffic" },
      summary: "A site's requests as they end, of this Router",
      about: [
        "Lives as long as its client. Only requests that end from now on are told.",
        "A reader that is too slow is told how many records it missed; a silent stream has a heartbeat every 15 s.",
      ].join(" "),
      ...{ scope: "logs:read", reach: { site: "name" }, params: siteParams, query: logQuery, isEndless: true },
      answers: {
        200: {
          ...{ description: "one object a line", form: "lines", schema: logLineSchema },
          example: { type: "dropped", count: 12 },
        },
      },
      refusals: [
        NO_SUCH_SITE,
        { status: 503, code: "too-many-readers", when: "100 logs are being read already; try again later" },
      ],
      handle: ({ params: { name }, query, signal }) => {
        if (sites.byName(name) === undefined) throw noSuchSite(name);
        if (live.isFull) {
          throw new NesonError("too-many-readers", "100 logs are being read already; try again later", {
            fault: "peer",
          });
        }
        return { lines: begun(live.read(filterOf(name, query), signal)) };
      },
    }),
  ];
}

function filterOf(site: string, { path, ...query }: z.output<z.ZodObject<typeof logQuery>>): LogFilter {
  const given = Object.entries({ ...query, pathPrefix: path }).filter(([, value]) => value !== undefined);
  return { site, ...Object.fromEntries(given) };
}

/** A heartbeat comes first, once reading has begun: it lets the answer's header section go, and from then on nothing is missed. */
async function* begun(lines: AsyncGenerator<LogLine>): AsyncGenerator<LogLine> {
  const first = lines.next();
  try {
    yield { type: "heartbeat" };
    for (let line = await first; line.done !== true; line = await lines.next()) yield line.value;
  } finally {
    await lines.return(undefined);
  }
}
