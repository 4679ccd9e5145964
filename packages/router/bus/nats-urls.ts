import { z } from "zod";

const MAX_SERVERS = 16;

/** Where NATS servers are, and how to log in there. */
export interface NatsServers {
  /** "nats://host:4222" or "tls://host:4222", without credentials. */
  urls: string[];
  /** As in "nats://user:password@host". */
  login: { user: string; pass: string } | { token: string } | undefined;
}

/** Servers of one NATS cluster, with commas between them; the credentials of the first are for all. */
export const natsUrlsSchema = z
  .string()
  .max(4000)
  .transform((text, context): NatsServers => {
    const urls = text.split(",").map((part) => URL.parse(part.trim()));
    const isUsable = urls.every((url) => url !== null && /^(nats|tls):$/.test(url.protocol) && url.hostname !== "");
    const [first] = urls;
    if (!isUsable || first === null || first === undefined || urls.length > MAX_SERVERS) {
      context.addIssue({ code: "custom", message: "not a list of NATS servers" });
      return z.NEVER;
    }
    const [user, pass] = [decodeURIComponent(first.username), decodeURIComponent(first.password)];
    return {
      urls: urls.flatMap((url) => (url === null ? [] : [`${url.protocol}//${url.host}`])),
      login: user === "" ? undefined : pass === "" ? { token: user } : { user, pass },
    };
  })
  .describe('URLs of NATS servers like "nats://user:password@host:4222", separated by commas');
