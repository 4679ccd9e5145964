import { durationSchema } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";
import { sentSiteSchema } from "@neson/router/api/sent-site";
import type { Command } from "commander";
import { z } from "zod";
import { type ApiClient, read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";

interface SignFlags extends Record<string, unknown> {
  key: string;
  expires: string;
  prefix?: string;
  client?: string;
  methods?: string;
  inPath?: boolean;
}

const answerSchema = z.object({ url: z.string(), expiresAt: z.string() });

/** `neson site sign URL`: a link that opens what needs a signature. The Router signs, so that the secret stays there. */
export function addSiteSign(site: Command): void {
  const command = site
    .command("sign")
    .description("sign a URL of a website whose paths need signatures")
    .argument("<url>", "the URL as a viewer would ask for it")
    .requiredOption("--key <id>", "id of the site's signing key")
    .requiredOption("--expires <duration>", 'how long it is good for, such as "1h" or "30d"')
    .option("--prefix <path>", 'all paths that begin so, such as "/film-7/", instead of this URL alone')
    .option("--client <network>", "only clients at this address or in this network")
    .option("--methods <list>", "methods with commas between them, instead of GET and HEAD")
    .option("--in-path", "put the signature into the path, so that relative links carry it on");
  addApiFlags(command).action(async (url: string, flags: SignFlags) => {
    const life = durationSchema.safeParse(flags.expires);
    if (!life.success || life.data < 1000) {
      const message = `option --expires: found ${JSON.stringify(flags.expires)}, allowed: ${durationSchema.description}, 1s or more`;
      throw new NesonError("bad-option", message, { fault: "operator" });
    }
    const api = await openApiOf(flags);
    const name = await siteOf(url, api);
    const body = {
      ...{ url, keyId: flags.key, lifeSeconds: Math.floor(life.data / 1000) },
      ...{ prefix: flags.prefix, client: flags.client, methods: flags.methods?.split(",") },
      place: flags.inPath === true ? "path" : "query",
    };
    const signed = read(answerSchema, await api.call("POST", `/sites/${name}/signed-urls`, { body }));
    print(flags, signed, signed.url);
  });
}

/** The name of the site that answers for a URL's host. */
async function siteOf(url: string, api: ApiClient): Promise<string> {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, "");
  const sites = await api.list("/sites", "sites", sentSiteSchema);
  const found = sites.find(({ hosts }) => host !== undefined && hosts.includes(host));
  if (found !== undefined) return found.name;
  const message = `the URL: found ${JSON.stringify(url)}, allowed: an absolute URL whose host is one of a site's (see neson site ls)`;
  throw new NesonError("bad-url", message, { fault: "operator" });
}
