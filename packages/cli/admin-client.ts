import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeError, NesonError } from "@neson/kit/error";
import { type Site, siteSchema } from "@neson/router/sites/site";
import { z } from "zod";

const CALL_MS = 10_000;

const adminFileSchema = z.object({ url: z.url({ protocol: /^https?$/ }), token: z.string().min(1).max(200) });
const problemSchema = z.object({ code: z.string(), detail: z.string() });
const sitesSchema = z.object({ sites: z.array(siteSchema) });

const count = z.number().nonnegative();
const statusSchema = z.object({
  uptimeSeconds: count,
  edge: z.object({
    requests: count,
    hits: count,
    misses: count,
    revalidations: count,
    passes: count,
    steered: count,
    routerBytes: count,
    originRequests: count,
  }),
  meter: z.object({ paidBytes: count, paidTickets: count, byTerminal: z.record(z.string(), count) }),
  terminals: z.array(
    z.object({
      id: z.string(),
      endpoint: z.string(),
      connectedSeconds: count,
      utilisation: count,
      storedObjects: count,
      remainingBytes: count,
      openTransfers: count,
      egressBytesPerSecond: count,
      paidBytes: count,
    }),
  ),
});

/** A running Router's figures, as `GET /api/v1/status` gives them. */
export type RouterStatus = z.infer<typeof statusSchema>;

/** The operator's calls on a running Router. Each throws NesonError with the Router's own reason. */
export interface AdminClient {
  status(): Promise<RouterStatus>;
  sites(): Promise<Site[]>;
  putSite(site: z.input<typeof siteSchema>): Promise<Site>;
  removeSite(name: string): Promise<void>;
}

/**
 * Opens the API of the Router whose data directory that is, by its `admin.json`.
 * @throws NesonError `no-router` (operator) when there is no such file or it cannot be read
 */
export async function openAdminClient(routerDataDir: string): Promise<AdminClient> {
  const { url, token } = await readAdminFile(join(routerDataDir, "admin.json"));
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await send(`${url}/api/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(CALL_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status === 204) return undefined;
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    const failure = problemSchema.safeParse(answer);
    const message = failure.success ? failure.data.detail : `the Router answered status ${response.status}`;
    throw new NesonError("router-refused", message, { fault: "caller" });
  };
  return {
    status: async () => statusSchema.parse(await call("GET", "status")),
    sites: async () => sitesSchema.parse(await call("GET", "sites")).sites,
    putSite: async (site) => siteSchema.parse(await call("PUT", `sites/${encodeURIComponent(site.name)}`, site)),
    removeSite: async (name) => {
      await call("DELETE", `sites/${encodeURIComponent(name)}`);
    },
  };
}

async function readAdminFile(path: string): Promise<z.infer<typeof adminFileSchema>> {
  try {
    return adminFileSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const message = `reading ${path} failed; name the data directory of a Router that has run, with --data`;
    throw new NesonError("no-router", message, { fault: "operator", cause });
  }
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    const message = `the Router at ${new URL(url).origin} does not answer (${describeError(cause)}); start it with: neson router run`;
    throw new NesonError("router-down", message, { fault: "operator" });
  }
}
