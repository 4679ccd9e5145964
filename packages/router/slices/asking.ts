import type { EdgeRequest } from "@neson/kit/http/answer";
import type { OriginClient, OriginResponse } from "../origin/origin-client.ts";
import { originRequestHeaders } from "../origin/request-headers.ts";
import type { Site } from "../sites/site.ts";

/** For which site and on whose behalf an origin is asked, without keeping hold of the request. */
export interface Asking {
  site: Site;
  /** Sends the request for the cache with these fields added. */
  send: (fields: readonly string[]) => Promise<OriginResponse>;
}

/** Prepares for asking the origin what this client asks, as far as the cache may; `signal` cuts it off. */
export function askingFor(
  { site, request }: { site: Site; request: EdgeRequest },
  { origin, edgeScheme, signal }: { origin: OriginClient; edgeScheme: string; signal: AbortSignal },
): Asking {
  const options = { kind: "pull", siteHost: site.hosts[0], edgeScheme } as const;
  const base = originRequestHeaders(request, options);
  const common = { site, method: "GET", target: request.target, signal };
  return { site, send: (fields) => origin.send({ ...common, headers: [...base, ...fields] }) };
}
