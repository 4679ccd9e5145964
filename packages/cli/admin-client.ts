import { type SentSite, sentSiteSchema } from "@neson/router/api/sent-site";
import { z } from "zod";
import { readAdminFile } from "./admin-file.ts";
import { openApi, read } from "./api-client.ts";

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
  sites(): Promise<SentSite[]>;
  /** Adds it, or puts it in the place of the one of that name. */
  putSite(site: z.input<typeof sentSiteSchema>): Promise<SentSite>;
}

/**
 * Opens the API of the Router whose data directory that is, by its `admin.json`.
 * @throws NesonError `no-router` (operator) when there is no such file or it cannot be read
 */
export async function openAdminClient(routerDataDir: string): Promise<AdminClient> {
  const api = openApi(await readAdminFile(routerDataDir));
  return {
    status: async () => read(statusSchema, await api.call("GET", "/status")),
    sites: () => api.list("/sites", "sites", sentSiteSchema),
    putSite: async (site) => {
      const answer = await api.call("PUT", `/sites/${encodeURIComponent(site.name)}`, { body: site });
      return read(sentSiteSchema, answer);
    },
  };
}
