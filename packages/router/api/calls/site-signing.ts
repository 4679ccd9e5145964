import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import { signUrl } from "../../rules/url-signature.ts";
import { type Call, defineCall } from "../call.ts";
import { badInput } from "../problem.ts";
import { noSuchSite } from "../site-changes.ts";
import { NO_SUCH_SITE, type SiteCallsDeps, siteParams } from "./sites.ts";

const MAX_LIFE_SECONDS = 10 * 365 * 86_400;

const wanted = z.strictObject({
  url: z.string().max(4096).describe("absolute, of one of the site's hosts, without a signature"),
  keyId: z.string().max(32).describe("the signing key"),
  lifeSeconds: z.number().int().min(1).max(MAX_LIFE_SECONDS).describe("how long it is good for, ten years at most"),
  prefix: z
    .string()
    .max(1024)
    .optional()
    .describe('all paths that begin so, such as "/film-7/"; this URL alone when absent'),
  client: z.string().max(64).optional().describe("only clients at this address or in this network"),
  methods: z
    .array(z.string().regex(/^[A-Z]{1,20}$/, "a method in capital letters, such as GET"))
    .min(1)
    .max(20)
    .optional()
    .describe("GET and HEAD when absent"),
  place: z.enum(["query", "path"]).default("query").describe("in the path, relative links carry it on by themselves"),
});

/** The call that signs URLs with a site's stored keys, which themselves are shown to nobody. */
export function siteSigningCalls({ sites, clock }: Pick<SiteCallsDeps, "sites"> & { clock: Clock }): Call[] {
  return [
    defineCall({
      ...{ id: "signUrl", method: "POST", path: "/sites/{name}/signed-urls", area: "sites" },
      summary: "Sign a URL with one of the site's signing keys",
      ...{ scope: "sites:write", reach: { site: "name" }, params: siteParams, showsSecret: true },
      body: wanted,
      bodyExample: {
        url: "https://films.example.com/film-7/index.m3u8",
        keyId: "key-1",
        lifeSeconds: 3600,
        prefix: "/film-7/",
      },
      answers: {
        200: {
          description: "the URL with its signature",
          schema: z.object({ url: z.string(), expiresAt: z.iso.datetime() }),
        },
      },
      refusals: [
        NO_SUCH_SITE,
        { status: 404, code: "no-such-signing-key", when: "the site has no signing key of that id" },
        { status: 400, code: "bad-signed-url", when: "the URL, the prefix or the client cannot be signed" },
      ],
      handle: ({ params: { name }, body, note }) => {
        const { url, keyId, lifeSeconds, prefix, client, methods, place } = body;
        const site = sites.byName(name);
        if (site === undefined) throw noSuchSite(name);
        const key = site.access.signing?.keys.find(({ id }) => id === keyId);
        if (key === undefined) {
          const ids = site.access.signing?.keys.map(({ id }) => id).join(", ") ?? "none";
          const message = `site ${name} has no signing key ${JSON.stringify(keyId)}; it has: ${ids}`;
          throw new NesonError("no-such-signing-key", message, { fault: "caller" });
        }
        const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, "") ?? "";
        if (!site.hosts.includes(host)) {
          const allowed = `a URL of one of the site's hosts (${site.hosts.slice(0, 5).join(", ")})`;
          throw badInput([{ field: "body.url", found: JSON.stringify(url.slice(0, 100)), allowed }]);
        }
        const expiresAtSeconds = Math.floor(clock.nowMs() / 1000) + lifeSeconds;
        const right = {
          expiresAtSeconds,
          ...(prefix && { prefix }),
          ...(client && { client }),
          ...(methods && { methods }),
        };
        const signed = signUrl(url, key, { ...right, place });
        note({ summary: `with ${keyId}, for ${lifeSeconds} s: ${prefix ?? URL.parse(url)?.pathname}` });
        return { json: { url: signed, expiresAt: new Date(expiresAtSeconds * 1000).toISOString() } };
      },
    }),
  ];
}
